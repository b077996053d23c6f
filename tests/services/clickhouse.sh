#!/usr/bin/env bash
# ClickHouse on loopback: its engine from PyPI behind the HTTP interface, without the native protocol, users, replicas and clusters. Needs
# python3 with pip, and curl.
#   clickhouse.sh install          once, into ${LOGMILL_SERVICES:-~/.cache/logmill-services}/clickhouse
#   clickhouse.sh start DIR PORT   serves on PORT
#   clickhouse.sh kill DIR         kill -9; the tables stay in DIR
#   clickhouse.sh hold DIR PORT    start in an empty DIR, then obeys lines of standard input (kill, start), each
#                                  answered with ok or failed; at its end: kill -9, and DIR is gone
# Tables, log and pid: DIR.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
self=$here/clickhouse.sh
limit=60
tools=(python3 curl)
ready=${LOGMILL_SERVICES:-${HOME:?}/.cache/logmill-services}/clickhouse/tree
# shellcheck source=tests/services/lib.sh
. "$here/lib.sh"

# The packages are a set like others, with a check of its own whether they are those that are wanted.
install() { "$here/python.sh" install clickhouse; }

mark() { echo "$dir/tables"; }

launch() {
  PYTHONPATH=$("$here/python.sh" path clickhouse)
  export PYTHONPATH
  exec setsid python3 "$here/clickhouse/server.py" --path "$dir/tables" --port "$port"
}

serves() { curl -q -sf --noproxy '*' --max-time 5 -o /dev/null "http://127.0.0.1:$port/ping"; }

main 1 "$@"
