#!/usr/bin/env python3
"""Print what a table of the lake holds, by engines that are not ours. Knows nothing of the server's code.

usage: lake_rows.py LAKE [--engine pyiceberg|duckdb] [--count | --ids ATTRIBUTE]

LAKE is `--sqlite CATALOG.db`, or `--rest URI --s3-endpoint URL --key KEY --secret SECRET`; then `--table NAMESPACE.NAME`, unless the
catalog has only one table. Prints each row as otlp_rows.py does, sorted. `--count` prints the number of rows, counted by reading
them. `--ids` prints, for each value of an attribute, how often it is there and the value; rows without it are counted as null.
Exits with 1 if the table's columns or their types are not those of the specification.
"""
import argparse
import collections
import json
import os
import sys

import packages
from otlp_rows import COLUMNS, line

CATALOG = "logmill"
REGION = "us-east-1"
TYPES = dict.fromkeys(COLUMNS, "string")
TYPES.update(timestamp="timestamptz", timestamp_nanos="long", severity_number="int", attributes="map<string, string>")
AT_ONCE = 10_000


def add_options(parser):
    """The options that name a lake and the engine that reads it."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--sqlite", metavar="CATALOG.db")
    where.add_argument("--rest", metavar="URI")
    for option in ("--s3-endpoint", "--key", "--secret"):
        parser.add_argument(option)
    parser.add_argument("--table", metavar="NAMESPACE.NAME")
    parser.add_argument("--engine", choices=("pyiceberg", "duckdb"), default="pyiceberg")


def open_catalog(said):
    packages.use("pyiceberg")
    if said.sqlite:
        if not os.path.exists(said.sqlite):
            raise SystemExit(f"{said.sqlite} is not there")
        from pyiceberg.catalog.sql import SqlCatalog
        # Who only reads makes no tables in somebody's catalog.
        return SqlCatalog(CATALOG, uri=f"sqlite:///{os.path.abspath(said.sqlite)}", init_catalog_tables="false")
    from pyiceberg.catalog.rest import RestCatalog
    store = {"s3.endpoint": said.s3_endpoint, "s3.access-key-id": said.key, "s3.secret-access-key": said.secret}
    store = {name: value for name, value in store.items() if value}
    return RestCatalog(CATALOG, uri=said.rest, **{"s3.region": REGION, **store})


def open_table(said):
    """The table as PyIceberg knows it; its columns are the right ones."""
    catalog = open_catalog(said)
    names = [said.table] if said.table else [
        ".".join(table) for namespace in catalog.list_namespaces() for table in catalog.list_tables(namespace)]
    if len(names) != 1:
        raise SystemExit(f"--table must name one of {names}")
    table = catalog.load_table(names[0])
    found = [(field.name, str(field.field_type)) for field in table.schema().fields]
    if found != list(TYPES.items()):
        raise SystemExit(f"{names[0]} has other columns than the specification: {found}")
    return table


def by_pyiceberg(table, columns):
    from pyarrow import int64
    scan = table.scan(selected_fields=columns)
    for batch in scan.to_arrow_batch_reader():
        arrays = {name: batch.column(name) for name in columns}
        if "timestamp" in arrays:
            arrays["timestamp"] = arrays["timestamp"].cast(int64())
        lists = [array.to_pylist() for array in arrays.values()]
        for values in zip(*lists):
            yield dict(zip(columns, values))


def duckdb_base(said):
    """A DuckDB that can read tables of the lake where it is."""
    packages.use("duckdb")
    import duckdb
    base = duckdb.connect(config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"})
    for name in ("avro", "iceberg", "httpfs"):
        base.load_extension(extension_file(name))
    if said.s3_endpoint:
        host = said.s3_endpoint.split("://")[-1]
        base.execute(f"CREATE SECRET (TYPE s3, KEY_ID '{said.key}', SECRET '{said.secret}', REGION '{REGION}', "
                     f"ENDPOINT '{host}', URL_STYLE 'path', USE_SSL {said.s3_endpoint.startswith('https')})")
    return base


def by_duckdb(table, columns, said):
    base = duckdb_base(said)
    wanted = ", ".join('epoch_us("timestamp")' if name == "timestamp" else f'"{name}"' for name in columns)
    found = base.execute(f"SELECT {wanted} FROM iceberg_scan(?)", [table.metadata_location])
    while values := found.fetchmany(AT_ONCE):
        for one in values:
            yield dict(zip(columns, one))


def extension_file(name):
    import importlib
    folder = os.path.dirname(importlib.import_module(f"duckdb_extension_{name}").__file__)
    for inner, _folders, files in os.walk(folder):
        for file in files:
            if file.endswith(".duckdb_extension"):
                return os.path.join(inner, file)
    raise SystemExit(f"the package of DuckDB's extension {name} has no extension in it")


def rows(said, columns=COLUMNS):
    """The table's rows, as dictionaries; `timestamp` in microseconds, `attributes` as a dictionary in the order of its keys."""
    table = open_table(said)
    read = by_duckdb(table, columns, said) if said.engine == "duckdb" else by_pyiceberg(table, columns)
    for row in read:
        if "attributes" in row and row["attributes"] is not None:
            row["attributes"] = sorted_map(row["attributes"])
        yield row


def sorted_map(pairs):
    pairs = sorted(pairs.items() if isinstance(pairs, dict) else pairs)
    if len(dict(pairs)) != len(pairs):
        raise SystemExit(f"a key stands twice in a map: {pairs}")
    return dict(pairs)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    add_options(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--count", action="store_true")
    what.add_argument("--ids", metavar="ATTRIBUTE")
    said = parser.parse_args()
    if said.count:
        print(sum(1 for _ in rows(said, ("timestamp",))))
    elif said.ids:
        counts = collections.Counter((row["attributes"] or {}).get(said.ids) for row in rows(said, ("attributes",)))
        for value, count in sorted(counts.items(), key=lambda pair: (pair[0] is not None, pair[0])):
            print(f"{count}\t{json.dumps(value, ensure_ascii=False)}")
    else:
        sys.stdout.write("".join(text + "\n" for text in sorted(map(line, rows(said)))))


if __name__ == "__main__":
    main()
