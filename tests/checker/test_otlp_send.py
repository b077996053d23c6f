#!/usr/bin/env python3
"""The sender sends what it writes down, and tells what it was answered.

usage: test_otlp_send.py [TEST...]
"""
import base64
import concurrent.futures
import gzip
import http.server
import json
import os
import tempfile
import threading
import unittest

import packages

packages.use("opentelemetry")

import grpc  # noqa: E402
import otlp_rows  # noqa: E402
import otlp_send  # noqa: E402
from google.protobuf import duration_pb2  # noqa: E402
from google.rpc import error_details_pb2, status_pb2  # noqa: E402
from numbered import CHECKSUM, ID, checksum  # noqa: E402
from testing import run  # noqa: E402

RECORDS = 90


def refusal(message, delay=None):
    """An error in protobuf, and the seconds after which it is worth to try again."""
    status = status_pb2.Status(code=14, message=message)
    if delay is not None:
        status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=int(delay), nanos=int(delay % 1 * 1e9))))
    return status.SerializeToString()


class Taker:
    """Takes requests over HTTP and gRPC, but refuses the first ones, each with the next of the refusals."""

    def __init__(self, refusals=(), status=503):
        self.refusals, self.status, self.taken, self.keys, self.packed = list(refusals), status, [], [], set()

    def answer(self, body, key):
        """None, or the refusal."""
        self.keys.append(key)
        if self.refusals:
            return self.refusals.pop(0)
        self.taken.append(body)
        return None

    def http(self, case):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(handler):  # noqa: N805
                body = handler.rfile.read(int(handler.headers["content-length"]))
                self.packed.add(handler.headers["content-encoding"] == "gzip")
                if handler.headers["content-encoding"] == "gzip":
                    body = gzip.decompress(body)
                refused = self.answer(body, handler.headers["idempotency-key"])
                handler.send_response(200 if refused is None else self.status)
                handler.send_header("Retry-After", "0")
                handler.send_header("Content-Type", "application/x-protobuf")
                handler.send_header("Content-Length", str(len(refused or b"")))
                handler.end_headers()
                handler.wfile.write(refused or b"")

            def log_message(handler, *_):  # noqa: N805
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        for end in (server.server_close, thread.join, server.shutdown):
            case.addCleanup(end)
        return f"http://127.0.0.1:{server.server_port}"

    def grpc(self, case):
        def export(body, context):
            metadata = dict(context.invocation_metadata())
            refused = self.answer(body, metadata.get("idempotency-key"))
            if refused is not None:
                context.set_trailing_metadata([("grpc-status-details-bin", refused)])
                context.abort(grpc.StatusCode.UNAVAILABLE, "away")
            return b""

        service, method = otlp_send.EXPORT[1:].split("/")
        handler = grpc.method_handlers_generic_handler(service, {method: grpc.unary_unary_rpc_method_handler(export)})
        server = grpc.server(concurrent.futures.ThreadPoolExecutor(2), handlers=[handler])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        case.addCleanup(lambda: server.stop(None).wait())
        return f"http://127.0.0.1:{port}"

    def start(self, protocol, case):
        return getattr(self, protocol)(case)

    def records(self):
        """The ids and checksums of what was taken; each checksum is that of its record."""
        request, found = otlp_rows.request_type(), []
        for body in self.taken:
            for row in otlp_rows.rows(request.FromString(body), otlp_send.time.time_ns() // 1000):
                if row["attributes"][CHECKSUM] != checksum(row):
                    raise AssertionError(f"another checksum: {row}")
                found.append((row["attributes"][ID], row["attributes"][CHECKSUM]))
        return sorted(found)


class Senders(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def sdk(self, taker, protocol, *more):
        """The exit code, and the acknowledgements."""
        out, url = os.path.join(self.folder, "told.tsv"), taker.start(protocol, self)
        code, _said = run(otlp_send, "sdk", protocol, url, "--records", str(RECORDS), "--batch", "40", "--out", out, *more)
        with open(out, encoding="utf-8") as file:
            return code, [text.rstrip("\n").split("\t") for text in file]

    def test_what_the_sdk_sends_is_what_is_written_down(self):
        for protocol, packed in (("http", []), ("http", ["--gzip"]), ("grpc", []), ("grpc", ["--gzip"])):
            taker = Taker([refusal("away", 0.001)])
            code, told = self.sdk(taker, protocol, "--client", f"{protocol}{len(packed)}", *packed)
            accepted = sorted((ident, digest) for ident, _batch, digest, answer in told if answer == "accepted")
            mine = [one for one in accepted if one[0].startswith(f"{protocol}{len(packed)}-")]
            self.assertEqual((code, len(mine), taker.records()), (0, RECORDS, mine))
            self.assertEqual(taker.keys, [None] * 4)
            self.assertEqual(taker.packed, {bool(packed)} if protocol == "http" else set())

    def test_a_key_stays_with_its_batch_until_that_is_accepted(self):
        # 400 is nothing that an exporter repeats by itself.
        for protocol, status in (("http", 503), ("http", 400), ("grpc", None)):
            taker = Taker([refusal("away", 0.001)], status)
            code, told = self.sdk(taker, protocol, "--client", protocol, "--keys")
            self.assertEqual((code, len(taker.records())), (0, RECORDS))
            self.assertEqual(taker.keys, [f"{protocol}-{first}" for first in (0, 0, 40, 80)])
            self.assertEqual(told[-1][1:2] + told[-1][3:], [f"{protocol}-80", "accepted"])

    def test_a_batch_that_nobody_takes_is_unknown(self):
        code, told = self.sdk(Taker([refusal("never")] * 3, 400), "http", "--keys", "--patience", "0")
        self.assertEqual((code, {answer for *_, answer in told}), (1, {"unknown"}))

    def test_raw_tells_the_answer(self):
        path = os.path.join(self.folder, "body")
        with open(path, "wb") as file:
            file.write(b"not protobuf")
        for protocol, refused, taken in (("http", 503, 200), ("grpc", "UNAVAILABLE", "OK")):
            for packed in ([], ["--gzip"]):
                taker = Taker([refusal("later", 2.5), refusal("never")])
                url = taker.start(protocol, self)
                code, said = run(otlp_send, "raw", protocol, url, "--header", "idempotency-key:k", *packed, path, path, path)
                told = list(map(json.loads, said.splitlines()))
                self.assertEqual((code, taker.keys, taker.taken), (0, ["k"] * 3, [b"not protobuf"]))
                self.assertEqual(taker.packed, {bool(packed)} if protocol == "http" else set())
                self.assertEqual([one["status"] for one in told], [refused, refused, taken])
                self.assertEqual([one["message"] for one in told], ["later", "never", None])
                self.assertEqual([one["retry_delay"] for one in told], [2.5, None, None])
                self.assertEqual(base64.b64decode(told[0]["body"]), refusal("later", 2.5) if protocol == "http" else b"")

    def test_raw_tells_that_there_was_no_answer(self):
        path = os.path.join(self.folder, "body")
        open(path, "wb").close()
        code, said = run(otlp_send, "raw", "http", "http://127.0.0.1:9", path)
        self.assertEqual((code, json.loads(said)["status"]), (0, None))


if __name__ == "__main__":
    unittest.main()
