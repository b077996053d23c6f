#!/usr/bin/env bash
# Python packages that the tests use, each set in a folder of its own so that none of them has to agree with another. A SET is a
# file of python/: opentelemetry, pyiceberg, duckdb, clickhouse. Needs python3 with pip.
#   python.sh install [SET ...]     once, into ${LOGMILL_SERVICES:-~/.cache/logmill-services}/SET
#   python.sh path SET              installs it and prints the folder, for PYTHONPATH
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
self=$here/python.sh
services=${LOGMILL_SERVICES:-${HOME:?}/.cache/logmill-services}

usage() { sed -n '2,5s/^# \{0,1\}//p' "$self" >&2; exit 2; }
fail() { echo "python: $*" >&2; exit 1; }

# Packages with compiled parts fit one Python.
recipe() { python3 -V && cat "$here/python/$1.txt"; }

ready() { recipe "$1" | cmp -s - "$services/$1/recipe"; }

install() { # SET: one process installs, the others wait for it. What is not complete has another name.
  [ -e "$here/python/$1.txt" ] || fail "there is no set of packages '$1'"
  command -v python3 >/dev/null || fail "python3 is missing: run tests/tools.sh"
  ! ready "$1" || return 0
  command -v flock >/dev/null || fail "flock is missing"
  python3 -m pip --version >/dev/null 2>&1 || fail "python3 has no pip: run tests/tools.sh"
  { mkdir -p "$services" && exec 8>"$services/$1.lock" && flock 8; } 2>/dev/null || fail "cannot write to $services"
  ready "$1" || fetch "$1"
  exec 8>&-
}

fetch() { # SET
  local made=$services/$1 log=$services/$1.log
  rm -rf "$made.new" "$made.old"
  timeout 900 python3 -m pip install -q --no-deps --only-binary :all: --disable-pip-version-check --target "$made.new" \
    -r "$here/python/$1.txt" >"$log" 2>&1 </dev/null 8>&- || fail "pip cannot fetch the packages of $1: see $log"
  recipe "$1" >"$made.new/recipe"
  [ ! -e "$made" ] || mv "$made" "$made.old"
  mv "$made.new" "$made"
  rm -rf "$made.old"
}

case ${1:-} in
  install)
    shift
    [ $# != 0 ] || set -- opentelemetry pyiceberg duckdb clickhouse
    for name in "$@"; do install "$name"; done
    ;;
  path) [ $# = 2 ] || usage; install "$2"; echo "$services/$2" ;;
  *) usage ;;
esac
