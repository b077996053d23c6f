"""Looks at a table of the lake, or changes it, through PyIceberg, which knows nothing of logmill.

    lake.py VERB NAME=VALUE... -- [ARGUMENT...]     the values are the catalog's properties; the answer is JSON

Verbs: look; append BODY (one row, as another engine would); property NAME VALUE; forget NAME; drop; widen (severity_number becomes
a long); scan SERVICE (paths of the files that can match); parquet PATH;
hide BODY (a merge-on-read delete of the rows with it; how many); digest (number of rows, and a sum over them that does not depend
on their order); sorted (of each file that is read, whether it is in the table's order);
tag NAME INDEX; untag NAME; at TAG (number of rows there); delete BODY (its rows, with the files that hold nothing else); rollback
(to the snapshot before the current one).
"""

import json
import os
import sys
import zlib

import pyarrow
import pyarrow.parquet
from pyiceberg.catalog import load_catalog

NAME = "otel.logs"
CHECKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../tests/checker")


def file_of(task):
    file = task.file
    return {
        "path": file.file_path,
        "records": file.record_count,
        "size": file.file_size_in_bytes,
        "order": file.sort_order_id,
        "day": str(file.partition[0]),
        "lower": {str(k): v.decode("utf8", "replace") for k, v in (file.lower_bounds or {}).items() if k in (5, 8)},
        "upper": {str(k): v.decode("utf8", "replace") for k, v in (file.upper_bounds or {}).items() if k in (5, 8)},
        "nulls": {str(k): v for k, v in (file.null_value_counts or {}).items()},
        "values": {str(k): v for k, v in (file.value_counts or {}).items()},
    }


def look(table):
    rows = table.scan().to_arrow().to_pylist()
    for row in rows:
        row["timestamp"] = row["timestamp"].isoformat()
    manifests = table.current_snapshot().manifests(table.io) if table.current_snapshot() else []
    return {
        "uuid": str(table.metadata.table_uuid),
        "location": table.metadata.location,
        "metadata_location": table.metadata_location,
        "properties": table.properties,
        "snapshots": [
            {"id": s.snapshot_id, "parent": s.parent_snapshot_id, "at": s.timestamp_ms, "list": s.manifest_list,
             "summary": {"operation": s.summary.operation.value, **s.summary.additional_properties}}
            for s in sorted(table.metadata.snapshots, key=lambda s: s.sequence_number)
        ],
        "files": [file_of(task) for task in table.scan().plan_files()],
        "manifests": len(manifests),
        "rows": rows,
        "spec": str(table.spec()),
        "order": str(table.sort_order()),
        "columns": {str(f.field_id): [f.name, str(f.field_type)] for f in table.schema().fields},
        "metadata_log": len(table.metadata.metadata_log),
    }


def append(table, body):
    schema = table.schema().as_arrow()
    row = {field.name: None for field in schema}
    row.update(timestamp=0, timestamp_nanos=0, body=body, service_name="other")
    table.append(pyarrow.Table.from_pylist([row], schema=schema))


def parquet(path):
    file = pyarrow.parquet.ParquetFile(path)
    ids = [int(leaf.metadata[b"PARQUET:field_id"]) for leaf in leaves(file.schema_arrow)]
    return {
        "services": file.read().column("service_name").to_pylist(),
        "compression": file.metadata.row_group(0).column(0).compression,
        "ids": ids,
    }


def digest(table):
    columns = table.scan(selected_fields=("timestamp_nanos", "service_name", "body")).to_arrow()
    rows = zip(*(columns[name].to_pylist() for name in ("timestamp_nanos", "service_name", "body")))
    return [columns.num_rows, sum(zlib.crc32(repr(row).encode()) for row in rows)]


def is_sorted(table, file):
    with table.io.new_input(file.file_path).open() as source:
        columns = pyarrow.parquet.read_table(source, columns=["service_name", "timestamp"])
    keys = list(zip(columns["service_name"].to_pylist(), columns["timestamp"].cast("int64").to_pylist()))
    return keys == sorted(keys, key=lambda key: (key[0] is not None, key[0] or "", key[1]))


def leaves(fields):
    for field in fields:
        if pyarrow.types.is_map(field.type):
            yield field.type.key_field
            yield field.type.item_field
        else:
            yield field


def main():
    split = sys.argv.index("--")
    verb, arguments = sys.argv[1], sys.argv[split + 1:]
    catalog = load_catalog("logmill", **dict(pair.split("=", 1) for pair in sys.argv[2:split]))
    table = catalog.load_table(NAME)
    answer = None
    if verb == "look":
        answer = look(table)
    elif verb == "append":
        append(table, arguments[0])
    elif verb == "property":
        with table.transaction() as change:
            change.set_properties(**{arguments[0]: arguments[1]})
    elif verb == "forget":
        with table.transaction() as change:
            change.remove_properties(arguments[0])
    elif verb == "drop":
        catalog.drop_table(NAME)
    elif verb == "widen":
        from pyiceberg.types import LongType
        with table.update_schema() as change:
            change.update_column("severity_number", LongType())
    elif verb == "scan":
        tasks = table.scan(row_filter=f"service_name == '{arguments[0]}'").plan_files()
        answer = [task.file.file_path for task in tasks]
    elif verb == "tag":
        snapshot = sorted(table.metadata.snapshots, key=lambda s: s.sequence_number)[int(arguments[1])]
        with table.manage_snapshots() as change:
            change.create_tag(snapshot.snapshot_id, arguments[0])
    elif verb == "untag":
        with table.manage_snapshots() as change:
            change.remove_tag(arguments[0])
    elif verb == "delete":
        table.delete(f"body == '{arguments[0]}'")
    elif verb == "at":
        answer = table.scan(snapshot_id=table.snapshot_by_name(arguments[0]).snapshot_id).to_arrow().num_rows
    elif verb == "hide":
        sys.path.insert(0, CHECKER)
        import lake_delete
        # The rows of these tests have their body as an attribute, too.
        answer = lake_delete.delete(table, "body", {arguments[0]})
    elif verb == "digest":
        answer = digest(table)
    elif verb == "sorted":
        answer = [is_sorted(table, task.file) for task in table.scan().plan_files()]
    elif verb == "parquet":
        answer = parquet(arguments[0])
    elif verb == "rollback":
        before = table.metadata.snapshot_by_id(table.current_snapshot().parent_snapshot_id)
        with table.manage_snapshots() as change:
            change.rollback_to_snapshot(before.snapshot_id)
    else:
        sys.exit(f"no such verb: {verb}")
    json.dump(answer, sys.stdout)


main()
