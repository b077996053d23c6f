//! OTLP over HTTP and gRPC, answered after fdatasync.

pub(crate) mod bodies;
mod grpc;
mod inflate;

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::load::Load;
use crate::server::Server;
use crate::{per_cpu_second, run, seconds, warm};
use grpc::GrpcLoad;

/// Records of a request, and requests that differ.
const RECORDS: u64 = 1000;
const REQUESTS: u64 = 16;
const CONNECTIONS: usize = 16;
/// Room for what the door takes, and no sinks that would be paid for as well.
const DOOR: [&str; 6] =
    ["--roles", "otlp", "--set", "lake.enabled=false", "--set", "queue.retention_bytes=64MiB"];

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

fn http_load(bodies: &[Vec<u8>], headers: &str) -> Load {
    let headers = format!("content-type: application/x-protobuf\r\n{headers}");
    Load::posting("/v1/logs", &headers, bodies, RECORDS, CONNECTIONS)
}

/// Prints the rates of all ways in, beside their limits.
pub(crate) fn print() {
    let plain: Vec<Vec<u8>> = (0..REQUESTS).map(|n| bodies::request(n, RECORDS)).collect();
    let size = plain.iter().map(Vec::len).sum::<usize>() as u64 / REQUESTS;
    println!(
        "\nOTLP, {RECORDS} records of {} B a request, {CONNECTIONS} connections, answered after fdatasync",
        size / RECORDS
    );
    let load = http_load(&plain, "");
    let mut echo = Server::echo();
    let (records, cpu) = run("hyper echo, same bodies", &mut echo, &load);
    let copy = per_cpu_second(records, cpu);
    drop(echo);
    let beside = |rate: f64| println!("  {:.2} of the echo server's rate", rate / copy);
    beside(http("HTTP", &load));
    beside(over_grpc("gRPC", &GrpcLoad::new(&plain, false)));
    let packed: Vec<Vec<u8>> = plain.iter().map(|body| gzip(body)).collect();
    let bound = inflate::rate(&packed, RECORDS);
    println!("{:<34} {bound:>9.0} records/CPU-s", "inflating alone (flate2, zlib-rs)");
    let beside = |rate: f64| println!("  {:.2} of inflating alone", rate / bound);
    beside(http("HTTP, gzip", &http_load(&packed, "content-encoding: gzip\r\n")));
    beside(over_grpc("gRPC, gzip", &GrpcLoad::new(&packed, true)));
}

fn server() -> Server {
    Server::logmill(&[&DOOR[..], &["--set", "queue.segment_bytes=64MiB"]].concat())
}

fn http(name: &str, load: &Load) -> f64 {
    let mut server = server();
    warm(&server, load);
    let (records, cpu) = run(name, &mut server, load);
    per_cpu_second(records, cpu)
}

fn over_grpc(name: &str, load: &GrpcLoad) -> f64 {
    let server = server();
    load.run(server.grpc(), std::time::Duration::from_secs(4));
    let before = server.cpu();
    let answered = load.run(server.grpc(), seconds());
    let cpu = server.cpu().minus(before);
    let rate = per_cpu_second(answered * RECORDS, cpu.all());
    println!(
        "{name:<34} {rate:>9.0} records/CPU-s   {:>7.0} requests/CPU-s   user {:.2} s, system {:.2} s",
        per_cpu_second(answered, cpu.all()),
        cpu.user.as_secs_f64(),
        cpu.system.as_secs_f64()
    );
    rate
}
