#!/usr/bin/env bash
# Apache Iceberg's own REST catalog (its reference servlet over a JDBC catalog in SQLite, tables on S3) on loopback. Needs a runtime of java
# 17 or newer, maven and curl. The keys for S3 come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
#   iceberg-rest.sh install                              once, into ${LOGMILL_SERVICES:-~/.cache/logmill-services}/iceberg-rest
#   iceberg-rest.sh start DIR PORT S3-ENDPOINT WAREHOUSE serves on PORT; the bucket of WAREHOUSE (s3://bucket/path) must be there
#   iceberg-rest.sh kill DIR                             kill -9; the catalog stays in DIR
#   iceberg-rest.sh hold DIR PORT S3-ENDPOINT WAREHOUSE  start in an empty DIR, then obeys lines of standard input (kill, start), each
#                                                        answered with ok or failed; at its end: kill -9, and DIR is gone
# Catalog, log and pid: DIR.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
self=$here/iceberg-rest.sh
limit=90 # seconds within which it serves, on a machine busy with other things

usage() { sed -n '2,9s/^# \{0,1\}//p' "$self" >&2; exit 2; }
fail() { echo "iceberg-rest: $*" >&2; exit 1; }

# The cache is named after what it is made from.
made=${LOGMILL_SERVICES:-${HOME:?}/.cache/logmill-services}/iceberg-rest/$(cat "$here"/iceberg-rest/* | cksum | cut -d' ' -f1)
ready=$made/tree

install() { # One process installs, the others wait for it. What is not complete has another name.
  [ ! -e "$ready" ] || return 0
  local tool
  for tool in java mvn flock curl; do command -v "$tool" >/dev/null || fail "$tool is missing: run tests/tools.sh"; done
  { mkdir -p "$made" && exec 8>"$made/lock" && flock 8; } 2>/dev/null || fail "cannot write to $made"
  [ -e "$ready" ] || fetch
  exec 8>&-
}

fetch() {
  local new=$made/new log=$made/fetch.log
  rm -rf "$new"; mkdir -p "$new"
  timeout 900 mvn -B -q -U -Dstyle.color=never -f "$here/iceberg-rest/pom.xml" \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$new" >"$log" 2>&1 </dev/null ||
    fail "maven cannot fetch the catalog: $(grep -m1 ERROR "$log" || echo "see $log")"
  local jars; jars=$(printf '%s:' "$new"/*.jar)
  java -cp "$jars" org.eclipse.jdt.internal.compiler.batch.Main -17 -proc:none -nowarn -cp "$jars" -d "$new" \
    "$here/iceberg-rest/IcebergRest.java" >>"$log" 2>&1 || fail "the catalog cannot be compiled: see $log"
  mv "$new" "$ready"
}

# The pid counts only while it is still this folder's catalog.
running() {
  local pid; pid=$(cat "$dir/pid" 2>/dev/null) || return 1
  grep -qsF "$dir/catalog.db" "/proc/$pid/cmdline"
}

is_taken() { (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

start() {
  ! running || return 0
  # What was killed closes its port a little later than it loses its name.
  local try
  for try in {1..50}; do is_taken || break; sleep 0.1; done
  ! is_taken || fail "port $port is taken, also after $try looks"
  # Not every store knows the checksums that Amazon's client adds by itself (Garage refuses them).
  export AWS_REQUEST_CHECKSUM_CALCULATION=when_required AWS_RESPONSE_CHECKSUM_VALIDATION=when_required
  setsid java "-Xmx256m" -XX:TieredStopAtLevel=1 -cp "$ready:$ready/*" IcebergRest "$port" \
    catalog-impl=org.apache.iceberg.jdbc.JdbcCatalog jdbc.schema-version=V1 \
    uri="jdbc:sqlite:$dir/catalog.db" warehouse="$warehouse" \
    io-impl=org.apache.iceberg.aws.s3.S3FileIO client.region=us-east-1 \
    s3.endpoint="$endpoint" s3.path-style-access=true >>"$dir/log" 2>&1 </dev/null 8>&- &
  local started=$!
  echo "$started" >"$dir/pid"
  SECONDS=0
  while kill -0 "$started" 2>/dev/null && ((SECONDS < limit)); do
    ! curl -q -sf --noproxy '*' --max-time 5 -o /dev/null "http://127.0.0.1:$port/v1/config" || ! running || return 0
    sleep 0.1
  done
  echo "iceberg-rest: it does not serve on port $port; the end of its log:" >&2
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
