#!/usr/bin/env bash
# Installs what the tests need beside Rust and a C compiler: Debian packages, Python packages, and the programs of tests/services
# into ${LOGMILL_SERVICES:-~/.cache/logmill-services}. Does nothing when it is there.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

java_version() { java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p'; }
has_java() { command -v java >/dev/null && [ "$(java_version || true)" -ge 17 ] 2>/dev/null; }

missing=()
command -v python3 >/dev/null || missing+=(python3)
python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
command -v curl >/dev/null || missing+=(curl)
command -v promtool >/dev/null || missing+=(prometheus)
has_java || missing+=(openjdk-17-jre-headless)
command -v mvn >/dev/null || missing+=(maven)
if [ "${#missing[@]}" != 0 ]; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "the tests need: ${missing[*]} (Debian packages); install them and run this again" >&2
    exit 1
  fi
  apt-get update -qq || { echo "apt-get cannot update its lists, and the tests need: ${missing[*]}" >&2; exit 1; }
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    { echo "apt-get cannot install what the tests need: ${missing[*]}" >&2; exit 1; }
  has_java || { echo "the tests need java 17 or newer; the one on PATH is older: $(command -v java)" >&2; exit 1; }
fi
# What holds the API's answers against its OpenAPI document (crates/analytics). Another Python needs other packages.
packages=${LOGMILL_SERVICES:-${HOME:?}/.cache/logmill-services}/openapi
if ! PYTHONPATH=$packages python3 -c 'import jsonschema, openapi_spec_validator' 2>/dev/null; then
  rm -rf "$packages"
  timeout 600 python3 -m pip install -q --only-binary :all: --disable-pip-version-check --target "$packages" \
    openapi-spec-validator==0.9.0 jsonschema==4.26.0 || { echo "pip cannot fetch openapi-spec-validator" >&2; exit 1; }
fi
"$here/services/python.sh" install
"$here/services/collector.sh" install
"$here/services/kafka.sh" install
"$here/services/s3.sh" install
"$here/services/azurite.sh" install
"$here/services/iceberg-rest.sh" install
"$here/services/nessie.sh" install
