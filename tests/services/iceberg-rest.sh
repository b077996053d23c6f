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
limit=90
tools=(java mvn curl)
# The cache is named after what it is made from.
ready=${LOGMILL_SERVICES:-${HOME:?}/.cache/logmill-services}/iceberg-rest/$(cat "$here"/iceberg-rest/* | cksum | cut -d' ' -f1)/tree
# shellcheck source=tests/services/lib.sh
. "$here/lib.sh"

fetch() {
  local new=$made/new log=$made/fetch.log
  timeout 900 mvn -B -q -U -Dstyle.color=never -f "$here/iceberg-rest/pom.xml" \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$new" >"$log" 2>&1 </dev/null ||
    fail "maven cannot fetch the catalog: $(grep -m1 ERROR "$log" || echo "see $log")"
  local jars; jars=$(printf '%s:' "$new"/*.jar)
  java -cp "$jars" org.eclipse.jdt.internal.compiler.batch.Main -17 -proc:none -nowarn -cp "$jars" -d "$new" \
    "$here/iceberg-rest/IcebergRest.java" >>"$log" 2>&1 || fail "the catalog cannot be compiled: see $log"
}

mark() { echo "$dir/catalog.db"; }

launch() {
  # Not every store knows the checksums that Amazon's client adds by itself (Garage refuses them).
  export AWS_REQUEST_CHECKSUM_CALCULATION=when_required AWS_RESPONSE_CHECKSUM_VALIDATION=when_required
  exec setsid java "-Xmx256m" -XX:TieredStopAtLevel=1 -cp "$ready:$ready/*" IcebergRest "$port" \
    catalog-impl=org.apache.iceberg.jdbc.JdbcCatalog jdbc.schema-version=V1 \
    uri="jdbc:sqlite:$dir/catalog.db" warehouse="${arguments[2]}" \
    io-impl=org.apache.iceberg.aws.s3.S3FileIO client.region=us-east-1 \
    s3.endpoint="${arguments[1]}" s3.path-style-access=true
}

serves() { curl -q -sf --noproxy '*' --max-time 5 -o /dev/null "http://127.0.0.1:$port/v1/config"; }

main 3 "$@"
