#!/usr/bin/env python3
"""Delete rows of a lake merge-on-read, as engines do that PyIceberg is not: by files of deleted positions, or of deleted values.

usage: lake_delete.py LAKE [--equality] ATTRIBUTE VALUE...

LAKE is as for lake_rows.py. Finds the rows whose ATTRIBUTE has one of the VALUEs, writes one Parquet file of positions for each data file
(Iceberg table specification, *Position Delete Files*), and commits them in one snapshot. No data file is written or removed. Prints how
many rows were deleted. With `--equality` ATTRIBUTE is a column of text, and one file of its values is written for each partition
(*Equality Delete Files*), which says nothing of how many rows they hide.
"""
import argparse
import uuid

from lake_rows import add_options, open_table

# The columns of such a file and their ids (Iceberg table specification, *Reserved Field IDs*).
FILE_PATH, POS = 2147483546, 2147483545


def positions(table, attribute, values):
    """Data files with the positions of their rows that are to go."""
    import pyarrow.parquet as parquet
    for task in table.scan().plan_files():
        with table.io.new_input(task.file.file_path).open() as file:
            rows = parquet.read_table(file, columns=["attributes"]).column("attributes").to_pylist()
        found = [at for at, row in enumerate(rows) if dict(row or []).get(attribute) in values]
        if found:
            yield task.file, found


def write_positions(table, data_file, found):
    """The delete file of one data file, as manifests name it."""
    import pyarrow
    import pyarrow.parquet as parquet
    from pyiceberg.manifest import DataFileContent
    fields = [("file_path", pyarrow.string(), FILE_PATH), ("pos", pyarrow.int64(), POS)]
    schema = pyarrow.schema([
        pyarrow.field(name, kind, nullable=False, metadata={"PARQUET:field_id": str(number)}) for name, kind, number in fields])
    rows = pyarrow.table([[data_file.file_path] * len(found), found], schema=schema)
    path = f"{table.location()}/data/{uuid.uuid4()}-deletes.parquet"
    with table.io.new_output(path).create() as file:
        parquet.write_table(rows, file)
    bounds = {FILE_PATH: data_file.file_path.encode()}
    return described(table, data_file, path, DataFileContent.POSITION_DELETES, len(found), bounds, None)


def write_values(table, data_file, column, values):
    """The delete file of one partition, that of this data file, as manifests name it."""
    import pyarrow
    import pyarrow.parquet as parquet
    from pyiceberg.manifest import DataFileContent
    field = table.schema().find_field(column)
    kept = pyarrow.field(column, pyarrow.string(), metadata={"PARQUET:field_id": str(field.field_id)})
    path = f"{table.location()}/data/{uuid.uuid4()}-deletes.parquet"
    with table.io.new_output(path).create() as file:
        parquet.write_table(pyarrow.table([values], schema=pyarrow.schema([kept])), file)
    return described(table, data_file, path, DataFileContent.EQUALITY_DELETES, len(values), {}, [field.field_id])


def described(table, data_file, path, content, records, bounds, equality_ids):
    from pyiceberg.manifest import DataFile, FileFormat
    made = DataFile.from_args(
        content=content, file_path=path, file_format=FileFormat.PARQUET, partition=data_file.partition, record_count=records,
        file_size_in_bytes=len(table.io.new_input(path)), column_sizes={}, value_counts={}, null_value_counts={}, nan_value_counts={},
        lower_bounds=bounds, upper_bounds=bounds, split_offsets=None, equality_ids=equality_ids, sort_order_id=None)
    made.spec_id = data_file.spec_id
    return made


def commit(table, files):
    from pyiceberg.manifest import ManifestContent, ManifestWriterV2
    from pyiceberg.table.snapshots import Operation
    from pyiceberg.table.update.snapshot import _FastAppendFiles

    class DeleteManifest(ManifestWriterV2):
        def content(self):
            return ManifestContent.DELETES

        @property
        def _meta(self):
            return {**super()._meta, "content": "deletes"}

    class AddDeletes(_FastAppendFiles):
        def new_manifest_writer(self, spec):
            return DeleteManifest(
                spec, self._transaction.table_metadata.schema(), self.new_manifest_output(), self._snapshot_id, self._compression)

    transaction = table.transaction()
    with AddDeletes(operation=Operation.DELETE, transaction=transaction, io=table.io) as update:
        for file in files:
            update.append_data_file(file)
    transaction.commit_transaction()


def delete(table, attribute, values):
    """Deletes the rows whose attribute has one of these values; answers how many."""
    found = list(positions(table, attribute, values))
    commit(table, [write_positions(table, data_file, rows) for data_file, rows in found])
    return sum(len(rows) for _, rows in found)


def delete_equal(table, column, values):
    """Deletes the rows whose column of text has one of these values."""
    partitions = {str(task.file.partition): task.file for task in table.scan().plan_files()}
    commit(table, [write_values(table, data_file, column, values) for data_file in partitions.values()])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    add_options(parser)
    parser.add_argument("--equality", action="store_true")
    parser.add_argument("attribute")
    parser.add_argument("values", nargs="+")
    said = parser.parse_args()
    if said.equality:
        delete_equal(open_table(said), said.attribute, said.values)
    else:
        print(delete(open_table(said), said.attribute, set(said.values)))


if __name__ == "__main__":
    main()
