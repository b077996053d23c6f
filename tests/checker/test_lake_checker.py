#!/usr/bin/env python3
"""What judges the lake finds what it is there to find, in lakes that PyIceberg wrote.

usage: test_lake_checker.py [TEST...]
"""
import json
import math
import os
import tempfile
import unittest

import packages

packages.use("opentelemetry", "pyiceberg")

import otlp_rows  # noqa: E402
import otlp_send  # noqa: E402
import lake_check  # noqa: E402
import lake_rows  # noqa: E402
from numbered import CHECKSUM  # noqa: E402
from testing import run  # noqa: E402
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest  # noqa: E402
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList  # noqa: E402
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
# A request of the real SDK, and when it might have come.
REQUEST = os.path.join(HERE, "..", "data", "otlp_request.pb")
RECEIVED = 1_795_197_642_000_000
ENGINES = ("pyiceberg", "duckdb")
DAY = 24 * 60 * 60
# Its first record, copied by hand from what protobuf's own printer says about the request.
FIRST = {
    "timestamp": 1795197641034926, "timestamp_nanos": 1795197641034926136, "severity": "INFO", "severity_number": 9,
    "body": "plain body é", "trace_id": "f19eaec516dea1c9f3aa7cdd48ca3f05", "span_id": "8389865895d6a345",
    "service_name": "sample-svc", "deployment_environment": None, "host_name": "h1", "event_name": None,
    "scope_name": "app.payments",
    "attributes": {
        "http.status": "500", "ok": "false", "ratio": "0.25", "scope.attr": "true",
        "service.instance.id": "008db24f-cdc1-4184-81f2-162b0b0cf1ed", "service.version": "1.2.3", "tags": '["a","b"]',
        "telemetry.sdk.language": "python", "telemetry.sdk.name": "opentelemetry", "telemetry.sdk.version": "1.45.2", "user": "u0",
    },
}


def text(words):
    return AnyValue(string_value=words)


def array(*values):
    return AnyValue(array_value=ArrayValue(values=values))


def kvlist(*pairs):
    return AnyValue(kvlist_value=KeyValueList(values=pairs))


def pair(key, value):
    return KeyValue(key=key, value=value)


# Each kind of value, and the text that it becomes.
VALUES = (
    (text("as it is \"\\\n"), "as it is \"\\\n"),
    (text(""), ""),
    (AnyValue(bool_value=False), "false"),
    (AnyValue(int_value=-(2**63)), "-9223372036854775808"),
    (AnyValue(double_value=3.0), "3.0"),
    (AnyValue(double_value=-0.0), "-0.0"),
    (AnyValue(double_value=0.1), "0.1"),
    (AnyValue(double_value=-1.5e-5), "-0.000015"),
    (AnyValue(double_value=1.5e-6), "1.5e-6"),
    (AnyValue(double_value=1e15), "1000000000000000.0"),
    (AnyValue(double_value=1.5e16), "1.5e+16"),
    (AnyValue(double_value=5e-324), "5e-324"),
    (AnyValue(double_value=math.nan), '"NaN"'),
    (AnyValue(double_value=-math.inf), '"-Infinity"'),
    (AnyValue(bytes_value=b"\xfb\xff\x00"), '"+/8A"'),
    (array(), "[]"),
    (array(text("a\t\x01\x7f\u2028é/\""), AnyValue(), AnyValue(bytes_value=b"")), '["a\\t\\u0001\x7f\u2028é/\\"",null,""]'),
    (kvlist(), "{}"),
    (kvlist(pair("b", text("1")), pair("a", AnyValue(int_value=2)), pair("b", kvlist(pair("", AnyValue())))),
     '{"a":2,"b":{"":null}}'),
)


def rows_of(body, received_at=RECEIVED):
    return list(otlp_rows.rows(otlp_rows.request_type().FromString(body), received_at))


def row_of(record, resource=(), scope=()):
    """The row of one record."""
    request = ExportLogsServiceRequest()
    of_resource = request.resource_logs.add()
    of_resource.resource.attributes.extend(resource)
    of_scope = of_resource.scope_logs.add()
    of_scope.scope.attributes.extend(scope)
    of_scope.log_records.append(record)
    return rows_of(request.SerializeToString())[0]


class Rows(unittest.TestCase):
    def test_a_real_request(self):
        with open(REQUEST, "rb") as file:
            found = rows_of(file.read())
        self.assertEqual(list(found[0]), list(otlp_rows.COLUMNS))
        self.assertEqual(found[0], FIRST)
        self.assertEqual([row["body"] for row in found[1:]], ['{"msg":"payment 1","nested":{"n":1}}', "stdlib logging works"])

    def test_values_become_text(self):
        for value, expected in VALUES:
            row = row_of(LogRecord(body=value, attributes=[pair("key", value)]), [pair("service.name", value)])
            self.assertEqual((row["body"], row["attributes"], row["service_name"]), (expected, {"key": expected}, expected))
        row = row_of(LogRecord(body=AnyValue(), attributes=[pair("key", AnyValue()), KeyValue(key="none")]))
        self.assertEqual((row["body"], row["attributes"]), (None, {}))
        self.assertIsNone(row_of(LogRecord())["body"])

    def test_of_equal_keys_the_nearest_and_last_one_counts(self):
        resource = [pair("a", text("resource")), pair("b", text("resource")), pair("c", text("resource"))]
        scope = [pair("b", text("scope")), pair("c", text("scope")), pair("d", text("scope"))]
        record = LogRecord(attributes=[pair("c", text("first")), pair("d", AnyValue()), pair("c", text("last"))])
        self.assertEqual(row_of(record, resource, scope)["attributes"], {"a": "resource", "b": "scope", "c": "last"})

    def test_attributes_of_the_resource_fill_columns(self):
        old, new = pair("deployment.environment", text("old")), pair("deployment.environment.name", text("new"))
        names = [pair("service.name", text("first")), pair("service.name", text("s")), pair("host.name", text("h"))]
        row = row_of(LogRecord(attributes=[pair("host.name", text("mine"))]), [old, *names, new])
        self.assertEqual((row["service_name"], row["host_name"], row["deployment_environment"]), ("s", "h", "new"))
        self.assertEqual(row["attributes"], {"deployment.environment": "old", "host.name": "mine"})
        row = row_of(LogRecord(), [old, pair("deployment.environment.name", AnyValue())])
        self.assertEqual((row["deployment_environment"], row["attributes"]), ("old", {}))

    def test_severities(self):
        names = [row_of(LogRecord(severity_number=number))["severity"] for number in (0, 1, 4, 9, 10, 21, 24)]
        self.assertEqual(names, [None, "TRACE", "TRACE4", "INFO", "INFO2", "FATAL", "FATAL4"])
        odd = row_of(LogRecord.FromString(b"\x10\x19"))
        self.assertEqual((odd["severity"], odd["severity_number"]), (None, 25))
        both = row_of(LogRecord(severity_text="Warnung", severity_number=13))
        self.assertEqual((both["severity"], both["severity_number"]), ("Warnung", 13))
        self.assertIsNone(row_of(LogRecord())["severity_number"])

    def test_ids(self):
        for trace, span in ((b"", b""), (bytes(16), bytes(8)), (b"\x01" * 15, b"\x01" * 16)):
            row = row_of(LogRecord(trace_id=trace, span_id=span))
            self.assertEqual((row["trace_id"], row["span_id"]), (None, None))
        self.assertEqual(row_of(LogRecord(span_id=b"\xab" + bytes(7)))["span_id"], "ab00000000000000")

    def test_times(self):
        received = RECEIVED * 1000
        past, future = received - 3650 * DAY * 10**9, received + DAY * 10**9
        for sent, observed, expected, attribute in (
            (past, 5, past, None), (future, 5, future, None), (0, received + 1, received + 1, None), (0, 0, received, None),
            (past - 1, received, received, str(past - 1)), (future + 1, 0, received, str(future + 1)),
            (2**64 - 1, 0, received, "18446744073709551615"), (0, 1, received, "1"),
        ):
            mine = [pair(otlp_rows.SENT_TIME, text("mine"))] if attribute else []
            row = row_of(LogRecord(time_unix_nano=sent, observed_time_unix_nano=observed, attributes=mine))
            self.assertEqual((row["timestamp_nanos"], row["timestamp"]), (expected, expected // 1000))
            self.assertEqual(row["attributes"].get(otlp_rows.SENT_TIME), attribute)

    def test_text_that_is_no_utf_8(self):
        bad = b"a\xff\xe2\x82b"
        self.assertEqual(rows_of(request_with_body(bad))[0]["body"], "a\ufffd\ufffdb")

    def test_unknown_fields_are_ignored(self):
        # Field 8 of a value and field 99 of a record.
        value = field(1, b"kept") + b"\x40\x07"
        record = field(5, value) + b"\x98\x06\x01"
        self.assertEqual(rows_of(field(1, field(2, field(2, record))))[0]["body"], "kept")


def field(number, content):
    """A field with content of less than 128 bytes."""
    return bytes([number << 3 | 2, len(content)]) + content


def request_with_body(raw):
    return field(1, field(2, field(2, field(5, field(1, raw)))))


class Lake:
    """A lake that PyIceberg makes, in an SQLite file and a folder."""

    def __init__(self, folder, types=lake_rows.TYPES):
        from pyiceberg.catalog.sql import SqlCatalog
        from pyiceberg.partitioning import PartitionField, PartitionSpec
        from pyiceberg.transforms import DayTransform
        self.path = os.path.join(folder, "catalog.db")
        catalog = SqlCatalog(lake_rows.CATALOG, uri=f"sqlite:///{self.path}", warehouse=f"file://{folder}")
        catalog.create_namespace("lake")
        by_day = PartitionSpec(PartitionField(source_id=1, field_id=1000, transform=DayTransform(), name="day"))
        self.table = catalog.create_table("lake.logs", schema_of(types), partition_spec=by_day)

    def append(self, rows):
        import pyarrow
        rows = [{**row, "attributes": list(row["attributes"].items())} for row in rows]
        self.table.append(pyarrow.Table.from_pylist(rows, schema=self.table.schema().as_arrow()))

    def told(self, script, *arguments):
        return run(script, *arguments, "--sqlite", self.path)


def schema_of(types):
    from pyiceberg.schema import Schema
    from pyiceberg.types import IntegerType, LongType, MapType, NestedField, StringType, TimestamptzType
    known = {"timestamptz": TimestamptzType(), "long": LongType(), "int": IntegerType(), "string": StringType()}
    of_map = MapType(key_id=100, key_type=StringType(), value_id=101, value_type=StringType(), value_required=False)
    return Schema(*(NestedField(number, name, known.get(kind, of_map)) for number, (name, kind) in enumerate(types.items(), 1)))


class WithLakes(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def lake(self, rows):
        # Each lake in its own folder.
        lake = Lake(tempfile.mkdtemp(dir=self.folder))
        lake.append(rows)
        return lake


class InALake(WithLakes):
    def test_both_engines_print_the_rows_that_are_expected(self):
        code, expected = run(otlp_rows, "--received-at", str(RECEIVED), REQUEST)
        self.assertEqual(code, 0)
        lake = self.lake(map(json.loads, expected.splitlines()))
        for engine in ENGINES:
            self.assertEqual(lake.told(lake_rows, "--engine", engine), (0, expected))
            self.assertEqual(lake.told(lake_rows, "--engine", engine, "--count"), (0, "3\n"))
            ids = '1\tnull\n1\t"u0"\n1\t"u1"\n'
            self.assertEqual(lake.told(lake_rows, "--engine", engine, "--ids", "user"), (0, ids))

    def test_values_of_every_kind_come_back(self):
        records = [LogRecord(body=value, attributes=[pair("key", value)]) for value, _ in VALUES]
        rows = list(map(row_of, records))
        lake, expected = self.lake(rows), "".join(sorted(otlp_rows.line(row) + "\n" for row in rows))
        for engine in ENGINES:
            self.assertEqual(lake.told(lake_rows, "--engine", engine), (0, expected))

    def test_a_column_of_another_type_is_found(self):
        lake = Lake(self.folder, {**lake_rows.TYPES, "severity_number": "long"})
        code, said = lake.told(lake_rows, "--count")
        self.assertIn("lake.logs has other columns than the specification", code)
        self.assertEqual(said, "")


def numbered(count):
    """Rows of numbered records, and their acknowledgements in three batches."""
    from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
    records, rows, told = otlp_send.Records("a"), [], []
    for seq in range(count):
        record, digest = records.record(seq)
        body = encode_logs([record]).SerializeToString()
        rows += otlp_rows.rows(records.request.FromString(body), records.began // 1000)
        told.append([records.ident(seq), f"a-{seq * 3 // count}", digest, "accepted"])
    return rows, told


class Verdicts(WithLakes):
    COUNT = 30

    def setUp(self):
        super().setUp()
        self.rows, self.told = numbered(self.COUNT)

    def verdict(self, rows=None, told=None, engine="pyiceberg"):
        path = os.path.join(self.folder, "told.tsv")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines("\t".join(one) + "\n" for one in told or self.told)
        lake = self.lake(self.rows if rows is None else rows)
        code, said = lake.told(lake_check, path, "--engine", engine)
        return code, said.splitlines()[-1]

    def test_a_good_lake_is_good(self):
        for engine in ENGINES:
            self.assertEqual(self.verdict(engine=engine), (0, "missing 0 duplicate 0 altered 0 invented 0"))

    def test_changed_rows_are_found(self):
        rows, first = self.rows, self.rows[0]
        other_time = {**first, "timestamp": first["timestamp"] + 1}
        other_value = {**first, "attributes": {**first["attributes"], "more": "x"}}
        # With a right checksum, but not that of the record which was sent.
        exchanged = {**first, "attributes": {**first["attributes"], CHECKSUM: rows[1]["attributes"][CHECKSUM]}}
        for changed, expected in (
            (rows[1:], "missing 1 duplicate 0 altered 0 invented 0"),
            (rows + rows[:1], "missing 0 duplicate 1 altered 0 invented 0"),
            ([other_time, *rows[1:]], "missing 1 duplicate 0 altered 1 invented 0"),
            ([other_value, *rows[1:]], "missing 1 duplicate 0 altered 1 invented 0"),
            ([exchanged, *rows[1:]], "missing 1 duplicate 0 altered 1 invented 0"),
            ([*rows, {**first, "attributes": {}}], "missing 0 duplicate 0 altered 1 invented 0"),
        ):
            for engine in ENGINES:
                self.assertEqual(self.verdict(changed, engine=engine), (1, expected))

    def test_answers_decide_what_may_be_there(self):
        refused = [[*one[:3], "refused"] if one[1] == "a-0" else one for one in self.told]
        unknown = [[*one[:3], "unknown"] if one[1] == "a-0" else one for one in self.told]
        other = [[*self.told[0][:2], self.told[1][2], "accepted"], *self.told[1:]]
        of_batch = self.COUNT // 3
        rest = self.rows[of_batch:]
        for told, rows, expected in (
            (self.told[1:], self.rows, (1, "missing 0 duplicate 0 altered 0 invented 1")),
            (refused, self.rows, (1, f"missing 0 duplicate 0 altered 0 invented {of_batch}")),
            (refused, rest, (0, "missing 0 duplicate 0 altered 0 invented 0")),
            (unknown, self.rows, (0, "missing 0 duplicate 0 altered 0 invented 0")),
            (unknown, rest, (0, "missing 0 duplicate 0 altered 0 invented 0")),
            (unknown, self.rows[1:], (1, "missing 1 duplicate 0 altered 0 invented 0")),
            (unknown, self.rows + self.rows[:1], (1, "missing 0 duplicate 1 altered 0 invented 0")),
            # A whole record, but another one than was sent.
            (other, self.rows, (1, "missing 1 duplicate 0 altered 1 invented 0")),
            # The last answer counts.
            (self.told + unknown, rest, (0, "missing 0 duplicate 0 altered 0 invented 0")),
            (unknown + self.told, rest, (1, f"missing {of_batch} duplicate 0 altered 0 invented 0")),
        ):
            self.assertEqual(self.verdict(rows, told), expected)


if __name__ == "__main__":
    unittest.main()
