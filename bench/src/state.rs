//! What is held: memory under more load than can be taken, a start on a full queue, many keys.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::bodies;
use crate::load::{Load, answer};
use crate::server::Server;

const INGEST: [&str; 2] = ["--roles", "ingest"];

fn mib(bytes: u64) -> u64 {
    bytes >> 20
}

/// A number from the environment.
pub(crate) fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// More connections than the budget has room for.
pub(crate) fn overload(time: Duration) {
    println!("\noverload: bodies of 1,000 records; what is refused is sent again at once");
    let bodies = bodies::real(1000);
    for (budget, connections) in [("64MiB", 500), ("256MiB", 2000)] {
        let setting = format!("limits.max_in_flight_bytes={budget}");
        let server = Server::logmill(&["--roles", "ingest", "--set", &setting]);
        server.wait_until_ready();
        let idle = server.resident();
        let calm = Load::new(&bodies, 16);
        calm.run(server.address(), Duration::from_secs(1));
        let before = server.cpu();
        let unloaded = calm.run(server.address(), time);
        let calm_cpu = server.cpu().minus(before).all().as_secs_f64();
        let calm_peak = server.peak();
        let before = server.cpu();
        let (taken, refused) = Load::new(&bodies, connections).press(server.address(), time);
        let cpu = server.cpu().minus(before).all().as_secs_f64();
        println!(
            "budget {budget}, {connections} connections: {taken} taken, {refused} refused in {cpu:.1} CPU-s; {:.2} of the \
             {unloaded} taken from 16 connections in {calm_cpu:.1} CPU-s; resident {} MiB idle, {} MiB at most with 16, \
             {} MiB at most",
            taken as f64 / unloaded as f64,
            mib(idle),
            mib(calm_peak),
            mib(server.peak())
        );
    }
}

/// A start with a queue that nobody has read.
pub(crate) fn start() {
    let wanted = number("BENCH_QUEUED_GIB", 20) << 30;
    println!("\nstart with {} GiB queued", wanted >> 30);
    let server = Server::logmill(&INGEST);
    let idle = server.resident();
    let load = Load::new(&bodies::real(1000), 16);
    while server.queued_bytes() < wanted {
        load.run(server.address(), Duration::from_secs(5));
    }
    let (queued, began) = (server.queued_bytes(), Instant::now());
    let server = server.restarted(&INGEST);
    server.wait_until_ready();
    println!(
        "{} GiB queued: ready {} ms after the start of the process, resident {} MiB, {} MiB with nothing queued",
        queued >> 30,
        began.elapsed().as_millis(),
        mib(server.peak()),
        mib(idle)
    );
}

/// Connections that send keys.
const CONNECTIONS: usize = 256;

/// Many idempotency keys within the horizon.
pub(crate) fn keys() {
    let keys = number("BENCH_KEYS", 10_000_000);
    println!("\n{keys} idempotency keys");
    let server = Server::logmill(&INGEST);
    let began = Instant::now();
    let taken = post_keys(server.address(), 0..keys, CONNECTIONS);
    let rate = taken as f64 / began.elapsed().as_secs_f64();
    println!("{taken} taken, {rate:.0} a second; resident {} MiB at most", mib(server.peak()));
    let again = Instant::now();
    let server = server.restarted(&INGEST);
    server.wait_until_ready();
    let ready = again.elapsed();
    let duplicates = post_keys(server.address(), 0..1000, CONNECTIONS)
        + post_keys(server.address(), keys / 2..keys / 2 + 1000, CONNECTIONS);
    println!(
        "after kill -9: ready in {} ms, the first and some others of them were sent again ({duplicates} answers of success) \
         within {} ms; resident {} MiB at most",
        ready.as_millis(),
        again.elapsed().as_millis(),
        mib(server.peak())
    );
}

/// Sends one record with each of these keys over so many connections; answers how many were answered with success.
pub(crate) fn post_keys(address: SocketAddr, keys: Range<u64>, connections: usize) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let start = |n| tokio::spawn(keyed(address, keys.clone().skip(n).step_by(connections)));
        let tasks: Vec<_> = (0..connections).map(start).collect();
        let mut taken = 0;
        for task in tasks {
            taken += task.await.expect("a connection");
        }
        taken
    })
}

async fn keyed(address: SocketAddr, keys: impl Iterator<Item = u64>) -> u64 {
    let body = r#"[{"timestamp":"2025-03-01T00:00:00Z","method":"GET","path":"/","userAgent":"bench"}]"#;
    let mut stream = TcpStream::connect(address).await.expect("the server accepts");
    stream.set_nodelay(true).expect("no delay");
    let (mut buffer, mut taken) = (vec![0; 4096], 0);
    for key in keys {
        let request = format!(
            "POST /logs HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\nidempotency-key: key-{key}\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.expect("a request is sent");
        taken += u64::from(answer(&mut stream, &mut buffer).await.expect("an answer"));
    }
    taken
}
