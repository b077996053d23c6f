#!/usr/bin/env python3
"""What it costs a server to take OpenTelemetry logs: records a CPU-second of its process.

usage: otlp_ingest.py collector                  starts the peer: a Collector with `file_storage` and `fsync: true`, on core 0
       otlp_ingest.py server PID HTTP GRPC       another one, for example logmill: its process and `HOST:PORT` of both doors

1,000 records of 360 B a request, 16 requests at once, over HTTP and gRPC, as they are and packed with gzip; BENCH_SECONDS (5) of
load each, after one that is not counted. The load runs on what core 0 leaves. Every answer must be a success. The figures are CPU
time, so that they do not depend on how fast the load comes. Needs python3 and taskset.
"""
import concurrent.futures
import contextlib
import gzip
import http.client
import os
import subprocess
import sys
import tempfile
import time

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests")
sys.path.insert(0, os.path.join(TESTS, "checker"))

import packages  # noqa: E402

packages.use("opentelemetry")

import grpc  # noqa: E402
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest  # noqa: E402

EXPORT = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
SCRIPT = os.path.join(TESTS, "services", "collector.sh")
RECORDS, AT_ONCE = 1000, 16
HTTP_PORT, GRPC_PORT = 24318, 24317


def request():
    """Records as a web service writes them."""
    made = ExportLogsServiceRequest()
    of_resource = made.resource_logs.add()
    for key, text in (("service.name", "checkout"), ("host.name", "web-17"), ("deployment.environment.name", "production")):
        of_resource.resource.attributes.add(key=key).value.string_value = text
    of_scope = of_resource.scope_logs.add()
    of_scope.scope.name = "shop.http"
    for n in range(RECORDS):
        record = of_scope.log_records.add(
            time_unix_nano=time.time_ns() + n, observed_time_unix_nano=time.time_ns() + n, severity_number=9, severity_text="INFO",
            trace_id=(n * 0x9E3779B97F4A7C15 % 2**127).to_bytes(16, "big"), span_id=(n * 0x9E3779B9 + 1).to_bytes(8, "big"))
        record.body.string_value = f"request {n} was answered after {n % 700} ms with {n * 37 % 9000} bytes"
        texts = {"http.request.method": "GET", "url.path": f"/products/{n % 300}", "client.address": f"203.0.113.{n % 250}",
                 "user_agent.original": "curl/8.5.0", "http.route": "/products/{id}"}
        for key, text in texts.items():
            record.attributes.add(key=key).value.string_value = text
        for key, number in {"http.response.status_code": 200, "http.response.body.size": n * 37 % 9000, "duration.ms": n % 700}.items():
            record.attributes.add(key=key).value.int_value = number
    return made.SerializeToString()


def cpu_of(pid):
    """Seconds of a process so far, in the program and in the system."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return [int(fields[n]) / os.sysconf("SC_CLK_TCK") for n in (11, 12)]


def over_http(address, body, packed):
    """Sends until it is told to stop; answers how many requests were taken."""
    headers = {"Content-Type": "application/x-protobuf", **({"Content-Encoding": "gzip"} if packed else {})}
    body = gzip.compress(body, 6) if packed else body

    def work(until):
        done = 0
        with contextlib.closing(http.client.HTTPConnection(address, timeout=60)) as connection:
            while time.monotonic() < until:
                connection.request("POST", "/v1/logs", body, headers)
                answer = connection.getresponse()
                if answer.read() is None or answer.status != 200:
                    raise SystemExit(f"{address} answered {answer.status}")
                done += 1
        return done
    return work


def over_grpc(address, body, packed):
    """The same over gRPC, on a connection for each."""
    compression = grpc.Compression.Gzip if packed else grpc.Compression.NoCompression
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]

    def work(until):
        done = 0
        with grpc.insecure_channel(address, options, compression) as channel:
            export = channel.unary_unary(EXPORT, request_serializer=None, response_deserializer=None)
            while time.monotonic() < until:
                export(body, timeout=60)
                done += 1
        return done
    return work


def load(work, seconds):
    until = time.monotonic() + seconds
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        return sum(pool.map(work, [until] * AT_ONCE))


def measure(name, pid, http_address, grpc_address):
    body, seconds = request(), float(os.environ.get("BENCH_SECONDS", "5"))
    print(f"{name}: {RECORDS} records of {len(body) // RECORDS} B a request, {AT_ONCE} at once")
    for protocol, send, address in (("HTTP", over_http, http_address), ("gRPC", over_grpc, grpc_address)):
        for packed in (False, True):
            work = send(address, body, packed)
            load(work, 1)
            before = cpu_of(pid)
            requests = load(work, seconds)
            user, system = (after - earlier for after, earlier in zip(cpu_of(pid), before))
            rate = requests * RECORDS / max(user + system, 0.001)
            print(f"  {protocol}{', gzip' if packed else '':<6} {rate:>10.0f} records/CPU-s   {requests} requests   "
                  f"user {user:.2f} s, system {system:.2f} s", flush=True)
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        most = next(line.split()[1] for line in file if line.startswith("VmHWM"))
    print(f"  resident {int(most) >> 10} MiB at most")


def on_other_cores():
    left = os.sched_getaffinity(0) - {0}
    if left:
        os.sched_setaffinity(0, left)


def collector():
    subprocess.run([SCRIPT, "install"], check=True)
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR", ".")) as folder:
        ports = [str(HTTP_PORT), str(GRPC_PORT)]
        subprocess.run(["taskset", "-c", "0", SCRIPT, "start", folder, "discard", *ports], check=True)
        try:
            on_other_cores()
            with open(os.path.join(folder, "pid"), encoding="utf-8") as file:
                pid = int(file.read())
            measure("Collector, file_storage, fsync", pid, f"127.0.0.1:{HTTP_PORT}", f"127.0.0.1:{GRPC_PORT}")
        finally:
            subprocess.run([SCRIPT, "kill", folder], check=True)


def main():
    if sys.argv[1:] == ["collector"]:
        collector()
    elif len(sys.argv) == 5 and sys.argv[1] == "server":
        on_other_cores()
        measure("server", *sys.argv[2:])
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
