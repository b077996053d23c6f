#!/usr/bin/env python3
"""Answer SQL over the table `logs` of a lake by engines that are not ours. Knows nothing of the server's code.

usage: lake_sql.py LAKE [--engine pyiceberg|duckdb] SQL...
       lake_sql.py LAKE --files FILTER...

LAKE is as for lake_rows.py. With `duckdb` DuckDB reads the table and computes; with `pyiceberg` PyIceberg reads it (and applies delete
files), and DuckDB computes over what it read. Prints for each statement a line of JSON: the list of its rows, each a list of values;
times in RFC 3339, maps as objects. `--files` prints for each filter how many data files PyIceberg would open for it.
"""
import argparse
import datetime
import json

from lake_rows import add_options, duckdb_base, open_table


def shown(value):
    if isinstance(value, datetime.datetime):
        value = value.astimezone(datetime.timezone.utc)
        digits = "seconds" if value.microsecond == 0 else "milliseconds" if value.microsecond % 1000 == 0 else "microseconds"
        return value.isoformat(timespec=digits).replace("+00:00", "Z")
    return value


def connect(said):
    base, table = duckdb_base(said), open_table(said)
    base.execute("SET TimeZone = 'UTC'")
    if said.engine == "pyiceberg":
        base.register("logs", table.scan().to_arrow())
    else:
        base.execute(f"CREATE VIEW logs AS SELECT * FROM iceberg_scan('{table.metadata_location}')")
    return base


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    add_options(parser)
    parser.add_argument("--files", action="store_true")
    parser.add_argument("sql", nargs="+", metavar="SQL")
    said = parser.parse_args()
    if said.files:
        table = open_table(said)
        for row_filter in said.sql:
            print(len(list(table.scan(row_filter=row_filter).plan_files())))
        return
    base = connect(said)
    for sql in said.sql:
        rows = base.execute(sql).fetchall()
        print(json.dumps([[shown(value) for value in row] for row in rows], ensure_ascii=False))


if __name__ == "__main__":
    main()
