#!/usr/bin/env python3
"""Say what PyIceberg knows of a table of the lake, or change it as another engine would. Knows nothing of the server's code.

usage: lake_table.py LAKE look | property NAME VALUE | rollback

LAKE is as for lake_rows.py. `look` prints an object with the numbers of snapshots, data files, rows and bytes; `property` sets one;
`rollback` makes the snapshot before the current one the current one.
"""
import argparse
import json

import lake_rows


def look(table):
    files = [task.file for task in table.scan().plan_files()]
    return {
        "snapshots": len(table.metadata.snapshots),
        "current": table.metadata.current_snapshot_id,
        "files": len(files),
        "rows": table.scan().count(),
        "bytes": sum(file.file_size_in_bytes for file in files),
    }


def main():
    parser = argparse.ArgumentParser()
    lake_rows.add_options(parser)
    parser.add_argument("verb", choices=("look", "property", "rollback"))
    parser.add_argument("arguments", nargs="*")
    said = parser.parse_args()
    table = lake_rows.open_table(said)
    if said.verb == "look":
        print(json.dumps(look(table)))
    elif said.verb == "property":
        with table.transaction() as change:
            change.set_properties(**{said.arguments[0]: said.arguments[1]})
    else:
        before = table.metadata.snapshot_by_id(table.metadata.current_snapshot_id).parent_snapshot_id
        with table.manage_snapshots() as change:
            change.rollback_to_snapshot(before)


if __name__ == "__main__":
    main()
