"""Deletes rows merge-on-read, as Spark and Flink do: PyIceberg reads such deletes and does not write them."""

import uuid

import pyarrow
import pyarrow.parquet
from pyiceberg.manifest import (DataFile, DataFileContent, FileFormat, ManifestContent, ManifestEntry,
                                ManifestEntryStatus, ManifestWriterV2)
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update.snapshot import _FastAppendFiles

COLUMNS = pyarrow.schema([
    pyarrow.field("file_path", pyarrow.string(), nullable=False, metadata={"PARQUET:field_id": "2147483546"}),
    pyarrow.field("pos", pyarrow.int64(), nullable=False, metadata={"PARQUET:field_id": "2147483545"}),
])


class DeleteManifest(ManifestWriterV2):
    def content(self):
        return ManifestContent.DELETES

    @property
    def _meta(self):
        return {**super()._meta, "content": "deletes"}


class Deletes(_FastAppendFiles):
    files = ()

    def _process_manifests(self, manifests):
        spec, schema = self._transaction.table_metadata.spec(), self._transaction.table_metadata.schema()
        output = self.new_manifest_output()
        with DeleteManifest(spec, schema, output, self._snapshot_id, "deflate") as writer:
            for file in self.files:
                writer.add(ManifestEntry.from_args(
                    status=ManifestEntryStatus.ADDED, snapshot_id=self._snapshot_id, sequence_number=None,
                    file_sequence_number=None, data_file=file))
        return [writer.to_manifest_file(), *manifests]


def hide(table, body):
    """Hides the rows with this body, and answers how many."""
    files, rows = [], 0
    for task in table.scan().plan_files():
        with table.io.new_input(task.file.file_path).open() as source:
            bodies = pyarrow.parquet.read_table(source, columns=["body"])["body"].to_pylist()
        found = [at for at, text in enumerate(bodies) if text == body]
        if found:
            rows += len(found)
            files.append(write(table, task.file, found))
    with table.transaction() as change:
        with Deletes(Operation.DELETE, change, table.io, uuid.uuid4()) as producer:
            producer.files = files
    return rows


def write(table, file, positions):
    location = f"{table.metadata.location}/data/deletes-{uuid.uuid4()}.parquet"
    deletes = pyarrow.table({"file_path": [file.file_path] * len(positions), "pos": positions}, schema=COLUMNS)
    output = table.io.new_output(location)
    with output.create() as sink:
        pyarrow.parquet.write_table(deletes, sink)
    deletes = DataFile.from_args(
        content=DataFileContent.POSITION_DELETES, file_path=location, file_format=FileFormat.PARQUET,
        partition=file.partition, record_count=len(positions), file_size_in_bytes=len(output.to_input_file()),
        column_sizes={}, value_counts={}, null_value_counts={}, nan_value_counts={}, lower_bounds={},
        upper_bounds={}, key_metadata=None, split_offsets=None, equality_ids=None, sort_order_id=None)
    deletes.spec_id = table.metadata.default_spec_id
    return deletes
