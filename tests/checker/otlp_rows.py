#!/usr/bin/env python3
"""Print the rows that OTLP requests must become in the lake, by Python's own protobuf. Knows nothing of the server's code.

usage: otlp_rows.py --received-at MICROS [--past SECONDS] [--future SECONDS] REQUEST.pb[.gz]...

One line of JSON a record, sorted: the columns in the table's order; `timestamp` in microseconds and `timestamp_nanos` in
nanoseconds since 1970; keys of `attributes` sorted; no spaces; no character escaped that JSON does not want escaped.

The rules, where the specification of the table leaves a choice:

Time
    `time_unix_nano`, if that is 0 `observed_time_unix_nano`, if that is 0 `received_at`. Before `received_at` - past or after
    `received_at` + future (both limits are still inside; a year has 365 days) it is `received_at`, and that number, in decimal,
    becomes the attribute `logmill.time_unix_nano`, instead of one of this name that was sent.
    `timestamp` is `timestamp_nanos` rounded down.
Nothing and empty
    Protobuf does not tell an empty `severity_text`, `event_name` or scope name from an absent one: both are null, and so is
    severity number 0. A string value that is empty was sent, and stays an empty string.
    An empty `AnyValue`, or none, is null: as a body null; as an attribute the key is absent from the map, which a query cannot
    tell from null; inside of other values it is JSON's null. It counts when duplicate keys are decided, so that a record can
    take away what its scope or resource said.
Severity
    Names are the short ones of the data model (TRACE, TRACE2 ... FATAL4). A number outside of 1 to 24 stays, without a name.
Ids
    Null also when the length is wrong.
Values as text
    A string is the text itself. Everything else is one JSON text: a boolean; an integer; a double; bytes as base64 (the common
    alphabet, padded) in a JSON string; an array; a kvlist as an object, keys in the order in which they were sent, of equal keys
    only the last one. This goes for a body, for attributes, and for the columns taken from resource attributes alike: bytes and
    NaN at the top therefore have quotes.
    A double has the fewest digits that read back as the same double; from 1e-5 up to below 1e16 in plain notation, with `.0`
    where it is whole, otherwise as in `1e-6` and `1.5e+16`. NaN and the infinities are the strings "NaN", "Infinity", "-Infinity".
    In strings only `"`, `\\` and the control characters below U+0020 are escaped, in the short form where there is one, otherwise
    as in `\\u001f`.
Attributes
    Of equal keys in one list the last one counts; then record over scope over resource. An attribute of the resource that fills a
    column is not in the map again. Where the resource has both names of the environment, the column has
    `deployment.environment.name`, and the map keeps the other one. Records and scopes may have keys of these names; they go to
    the map.
Text that is no UTF-8
    Each longest valid beginning of a character, or else each byte, becomes U+FFFD.
Protobuf
    Python's parser goes 100 messages deep, which is a body of 32 kvlists inside each other. Fields that the messages do not have
    are ignored, among them those of profiles that refer to a table of strings. What stands twice is merged or replaced as protobuf
    says.
"""
import argparse
import base64
import gzip
import json
import math
import sys

import packages

COLUMNS = ("timestamp", "timestamp_nanos", "severity", "severity_number", "body", "trace_id", "span_id", "service_name",
           "deployment_environment", "host_name", "event_name", "scope_name", "attributes")
DAY = 24 * 60 * 60
PAST, FUTURE = 10 * 365 * DAY, DAY
SENT_TIME = "logmill.time_unix_nano"
# column -> the resource attributes that fill it, the first that has a value
OF_RESOURCE = {
    "service_name": ("service.name",),
    "deployment_environment": ("deployment.environment.name", "deployment.environment"),
    "host_name": ("host.name",),
}
LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
PACKAGE = "opentelemetry.proto."


def request_type():
    """The message of a request, with bytes where the real one has strings: Python's parser refuses what is no UTF-8."""
    packages.use("opentelemetry")
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    from opentelemetry.proto.collector.logs.v1 import logs_service_pb2

    pool, done = descriptor_pool.DescriptorPool(), set()

    def add(file):
        if file.name in done:
            return
        done.add(file.name)
        for needed in file.dependencies:
            add(needed)
        proto = descriptor_pb2.FileDescriptorProto()
        file.CopyToProto(proto)
        for message in proto.message_type:
            loosen(message)
        pool.Add(proto)

    def loosen(message):
        # References into the table of strings of a profile are no part of logs.
        kept = [field for field in message.field if not field.name.endswith("_strindex")]
        del message.field[:]
        message.field.extend(kept)
        for field in message.field:
            if field.type == field.TYPE_STRING:
                field.type = field.TYPE_BYTES

    add(logs_service_pb2.DESCRIPTOR)
    name = PACKAGE + "collector.logs.v1.ExportLogsServiceRequest"
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def words(raw):
    return raw.decode("utf-8", "replace")


def double_text(number):
    if math.isnan(number):
        return '"NaN"'
    if math.isinf(number):
        return '"Infinity"' if number > 0 else '"-Infinity"'
    digits, _, exponent = repr(number).partition("e")
    if not exponent:
        return digits
    if int(exponent) == -5:
        sign, digits = ("-", digits[1:]) if digits.startswith("-") else ("", digits)
        return f"{sign}0.0000{digits.replace('.', '')}"
    return f"{digits}e{int(exponent):+d}"


def string_text(text):
    return json.dumps(text, ensure_ascii=False)


def json_text(value):
    kind = value.WhichOneof("value")
    if kind is None:
        return "null"
    if kind == "string_value":
        return string_text(words(value.string_value))
    if kind == "bool_value":
        return "true" if value.bool_value else "false"
    if kind == "int_value":
        return str(value.int_value)
    if kind == "double_value":
        return double_text(value.double_value)
    if kind == "bytes_value":
        return string_text(base64.b64encode(value.bytes_value).decode())
    if kind == "array_value":
        return "[" + ",".join(map(json_text, value.array_value.values)) + "]"
    pairs = {}
    for pair in value.kvlist_value.values:
        key = words(pair.key)
        pairs.pop(key, None)
        pairs[key] = json_text(pair.value)
    return "{" + ",".join(f"{string_text(key)}:{text}" for key, text in pairs.items()) + "}"


def text_of(value):
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    return words(value.string_value) if kind == "string_value" else json_text(value)


def texts(attributes):
    return {words(pair.key): text_of(pair.value) for pair in attributes}


def id_text(raw, length):
    return raw.hex() if len(raw) == length and any(raw) else None


def severity(record):
    if record.severity_text:
        return words(record.severity_text)
    number = record.severity_number
    if not 1 <= number <= 4 * len(LEVELS):
        return None
    level, step = divmod(number - 1, 4)
    return LEVELS[level] + (str(step + 1) if step else "")


def time_of(record, received_at, past, future):
    """The nanoseconds, and those that were sent if they are not taken."""
    received = received_at * 1000
    sent = record.time_unix_nano or record.observed_time_unix_nano or received
    inside = received - past * 10**9 <= sent <= received + future * 10**9
    return (sent, None) if inside else (received, sent)


def row(record, scope, resource, columns, limits):
    nanos, refused = time_of(record, *limits)
    attributes = {**resource, **texts(scope.attributes), **texts(record.attributes)}
    if refused is not None:
        attributes[SENT_TIME] = str(refused)
    return {
        "timestamp": nanos // 1000,
        "timestamp_nanos": nanos,
        "severity": severity(record),
        "severity_number": record.severity_number or None,
        "body": text_of(record.body),
        "trace_id": id_text(record.trace_id, 16),
        "span_id": id_text(record.span_id, 8),
        **columns,
        "event_name": words(record.event_name) or None,
        "scope_name": words(scope.name) or None,
        "attributes": {key: attributes[key] for key in sorted(attributes) if attributes[key] is not None},
    }


def split_resource(attributes):
    """What goes into columns, and what is left."""
    rest, columns = texts(attributes), {}
    for column, names in OF_RESOURCE.items():
        name = next((name for name in names if rest.get(name) is not None), None)
        columns[column] = rest.pop(name) if name else None
    return columns, rest


def rows(request, received_at, past=PAST, future=FUTURE):
    """The rows of a request, in its order."""
    for of_resource in request.resource_logs:
        columns, rest = split_resource(of_resource.resource.attributes)
        for of_scope in of_resource.scope_logs:
            for record in of_scope.log_records:
                yield row(record, of_scope.scope, rest, columns, (received_at, past, future))


def line(one):
    """The row as it is compared."""
    return json.dumps(one, ensure_ascii=False, separators=(",", ":"))


def read(path):
    with open(path, "rb") as file:
        body = file.read()
    return gzip.decompress(body) if path.endswith(".gz") else body


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--received-at", type=int, required=True, metavar="MICROS")
    parser.add_argument("--past", type=int, default=PAST, metavar="SECONDS")
    parser.add_argument("--future", type=int, default=FUTURE, metavar="SECONDS")
    parser.add_argument("requests", nargs="+", metavar="REQUEST")
    said = parser.parse_args()
    request = request_type()
    lines = []
    for path in said.requests:
        found = rows(request.FromString(read(path)), said.received_at, said.past, said.future)
        lines.extend(map(line, found))
    sys.stdout.write("".join(text + "\n" for text in sorted(lines)))


if __name__ == "__main__":
    main()
