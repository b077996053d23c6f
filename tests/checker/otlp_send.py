#!/usr/bin/env python3
"""Send OpenTelemetry logs as others do, and write down what was answered. Knows nothing of the server's code.

usage: otlp_send.py sdk http|grpc http://HOST:PORT --records N --out ACKNOWLEDGED.tsv [--client NAME] [--batch N] [--gzip]
                    [--keys [--patience SECONDS]]
       otlp_send.py raw http|grpc http://HOST:PORT[/PATH] [--header NAME:VALUE]... [--gzip] BODY...

`sdk` sends numbered records through the exporters of the OpenTelemetry SDK, in batches, over three days and several services, with
values of every kind. The acknowledgements are as lake_check.py wants them: each batch stands there as unknown before it is sent, and
as accepted when the exporter says so. The exporter repeats by itself what it may repeat; without `--keys` a lost answer can therefore
put a batch there twice. With `--keys` each batch has an `Idempotency-Key`, and is repeated until it is accepted; if that takes
longer than the patience (120 s) the exit code is 1.

`raw` sends files as they are and prints a line of JSON for each: `status` (a number, or the name of a gRPC code; null if HTTP had no
answer, then `error` says why; gRPC says UNAVAILABLE itself), `headers` (of HTTP) or `metadata`, `body` (base64), and of an error in
protobuf its `message` and the `retry_delay` of its `RetryInfo` in seconds, both null if absent. `--gzip` packs them; without a header
of that name the content type is `application/x-protobuf`.
"""
import argparse
import base64
import contextlib
import gzip
import http.client
import json
import logging
import math
import random
import sys
import time
import urllib.parse

import packages
from numbered import ACCEPTED, CHECKSUM, ID, SEQUENCE, UNKNOWN, checksum
from otlp_rows import request_type, rows

DAYS, SERVICES = 3, 4
DAY = 24 * 60 * 60 * 10**9
EXPORT = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"


class Records:
    """Records by their number; each is the same whenever it is made again."""

    def __init__(self, client):
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope
        self.client, self.began, self.request = client, time.time_ns(), request_type()
        self.scope = InstrumentationScope("numbered", "1", attributes={"scope.kind": "test"})
        self.resources = [
            Resource({"service.name": f"service-{n}", "host.name": f"{client}-{n}", "deployment.environment.name": "test"})
            for n in range(SERVICES)]

    def record(self, seq):
        """With its checksum, which is taken over what the exporter would send of the record without it."""
        from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
        plain = self.request.FromString(encode_logs([self.plain(seq, {})]).SerializeToString())
        digest = checksum(next(rows(plain, self.began // 1000)))
        return self.plain(seq, {CHECKSUM: digest}), digest

    def ident(self, seq):
        return f"{self.client}-{seq}"

    def plain(self, seq, more):
        from opentelemetry import trace
        from opentelemetry._logs import LogRecord, SeverityNumber
        from opentelemetry.sdk._logs import ReadableLogRecord
        some = random.Random(f"{self.client} {seq}")
        span = trace.SpanContext(some.getrandbits(128) | 1, some.getrandbits(64) | 1, is_remote=False)
        record = LogRecord(
            timestamp=self.began - seq % DAYS * DAY + seq,
            observed_timestamp=self.began,
            context=trace.set_span_in_context(trace.NonRecordingSpan(span)),
            severity_number=SeverityNumber(1 + seq % 24),
            severity_text=None if seq % 2 else "Said",
            body=self.body(seq, some),
            event_name="" if seq % 3 else "numbered",
            attributes={ID: self.ident(seq), SEQUENCE: seq, **self.attributes(seq, some), **more},
        )
        return ReadableLogRecord(record, self.resources[seq % SERVICES], self.scope)

    @staticmethod
    def body(seq, some):
        inner = {"n": seq, "list": [1, None, "é"]}
        kinds = ("a line of text é \u2028 \"quoted\" \n", {"text": "x", "inner": inner}, seq, 1.5, True, [1, "two", 3.5], b"\x00\xff", "",
                 "y" * some.randrange(300))
        return kinds[seq % len(kinds)]

    @staticmethod
    def attributes(seq, some):
        kinds = ("text", -seq, seq / 7, False, ["a", "b"], b"\x01\x02", {"a": {"b": [seq]}}, math.inf, 2**63 - 1, "")
        return {f"kind.{n}": kinds[n] for n in some.sample(range(len(kinds)), 4)}


class Sdk:
    """Exports through the exporters of the SDK."""

    def __init__(self, said):
        self.said, self.shared = said, None

    def export(self, batch, key):
        from opentelemetry.sdk._logs.export import LogRecordExportResult
        exporter = self.exporter(key)
        done = exporter.export(batch) is LogRecordExportResult.SUCCESS
        if exporter is not self.shared:
            exporter.shutdown()
        return done

    def exporter(self, key):
        """One for all, or for each key one, since headers belong to an exporter."""
        if key is None and self.shared:
            return self.shared
        headers = {} if key is None else {"idempotency-key": key}
        if self.said.protocol == "http":
            from opentelemetry.exporter.otlp.proto.http import Compression
            from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
            made = OTLPLogExporter(endpoint=self.said.url + "/v1/logs", headers=headers,
                                   compression=Compression.Gzip if self.said.gzip else Compression.NoCompression)
        else:
            from grpc import Compression
            from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
            made = OTLPLogExporter(endpoint=self.said.url, insecure=True, headers=headers,
                                   compression=Compression.Gzip if self.said.gzip else Compression.NoCompression)
        if key is None:
            self.shared = made
        return made


def send_numbered(said):
    packages.use("opentelemetry")
    logging.basicConfig(level=logging.ERROR)
    records, sdk, late = Records(said.client), Sdk(said), False
    deadline = time.monotonic() + said.patience
    with open(said.out, "a", encoding="utf-8") as out:
        for first in range(0, said.records, said.batch):
            batch = f"{said.client}-{first}"
            made = [(seq, *records.record(seq)) for seq in range(first, min(first + said.batch, said.records))]

            def tell(answer):
                out.write("".join(f"{records.ident(seq)}\t{batch}\t{digest}\t{answer}\n" for seq, _record, digest in made))
                out.flush()

            tell(UNKNOWN)
            done = sdk.export([record for _seq, record, _digest in made], batch if said.keys else None)
            while said.keys and not done and time.monotonic() < deadline:
                done = sdk.export([record for _seq, record, _digest in made], batch)
            if done:
                tell(ACCEPTED)
            late |= said.keys and not done
    return 1 if late else 0


def told_by_status(raw):
    """What an error in protobuf says."""
    from google.rpc import error_details_pb2, status_pb2
    said = {"message": None, "retry_delay": None}
    if raw is not None:
        status, retry = status_pb2.Status.FromString(raw), error_details_pb2.RetryInfo()
        said["message"] = status.message
        if any(detail.Unpack(retry) for detail in status.details):
            said["retry_delay"] = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
    return said


def post(said, body):
    url = urllib.parse.urlsplit(said.url)
    headers = dict(header.split(":", 1) for header in said.header)
    if "content-type" not in map(str.lower, headers):
        headers["Content-Type"] = "application/x-protobuf"
    if said.gzip:
        body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
    with contextlib.closing(http.client.HTTPConnection(url.hostname, url.port, timeout=60)) as connection:
        connection.request("POST", url.path or "/v1/logs", body, headers)
        answer = connection.getresponse()
        content, kind = answer.read(), answer.headers.get_content_type()
    error = content if answer.status >= 400 and kind == "application/x-protobuf" else None
    names = {name.lower(): value for name, value in answer.headers.items()}
    return {"status": answer.status, "headers": names, "body": base64.b64encode(content).decode(), **told_by_status(error)}


def call(said, body):
    import grpc
    url = urllib.parse.urlsplit(said.url)
    options = [("grpc.max_send_message_length", -1), ("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(url.netloc, options) as channel:
        export = channel.unary_unary(EXPORT, request_serializer=None, response_deserializer=None)
        metadata = [tuple(header.split(":", 1)) for header in said.header]
        compression = grpc.Compression.Gzip if said.gzip else grpc.Compression.NoCompression
        try:
            content, ended = export.with_call(body, timeout=60, metadata=metadata, compression=compression)
        except grpc.RpcError as error:
            content, ended = b"", error
        trailers = list(ended.initial_metadata() or []) + list(ended.trailing_metadata() or [])
        details = next((value for name, value in trailers if name == "grpc-status-details-bin"), None)
        names = {name: value if isinstance(value, str) else base64.b64encode(value).decode() for name, value in trailers}
        told = told_by_status(details)
        told["message"] = told["message"] or ended.details() or None
        return {"status": ended.code().name, "metadata": names, "body": base64.b64encode(content).decode(), **told}


def send_raw(said):
    packages.use("opentelemetry")
    send = post if said.protocol == "http" else call
    for path in said.bodies:
        with open(path, "rb") as file:
            body = file.read()
        try:
            told = send(said, body)
        except (OSError, http.client.HTTPException) as error:
            told = {"status": None, "error": f"{type(error).__name__}: {error}"}
        print(json.dumps({"file": path, **told}), flush=True)
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    modes = parser.add_subparsers(required=True)
    for name, run in (("sdk", send_numbered), ("raw", send_raw)):
        mode = modes.add_parser(name)
        mode.set_defaults(run=run)
        mode.add_argument("protocol", choices=("http", "grpc"))
        mode.add_argument("url")
        mode.add_argument("--gzip", action="store_true")
        if name == "sdk":
            mode.add_argument("--records", type=int, required=True)
            mode.add_argument("--out", required=True)
            mode.add_argument("--client", default="sdk")
            mode.add_argument("--batch", type=int, default=100)
            mode.add_argument("--keys", action="store_true")
            mode.add_argument("--patience", type=float, default=120, metavar="SECONDS")
        else:
            mode.add_argument("--header", action="append", default=[], metavar="NAME:VALUE")
            mode.add_argument("bodies", nargs="+", metavar="BODY")
    said = parser.parse_args()
    sys.exit(said.run(said))


if __name__ == "__main__":
    main()
