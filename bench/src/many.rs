//! Many windows: memory while they are counted, a restart with them, and what an answer takes among them.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use logmill_analytics::{Analytics, AnalyticsConfig, write_time};
use logmill_model::Format;
use logmill_queue::Topic;
use logmill_queue::embedded::{EmbeddedQueue, LogConfig};
use logmill_rollup::Batch;
use logmill_world::World;

use crate::server::Server;
use crate::state::number;

/// 2025-12-28T00:00:00Z.
const DAY: u64 = 1_766_880_000;
const DAY_SECONDS: u64 = 86_400;

/// A body with one record for each minute of `minutes` and each key of `keys`.
fn body(from: u64, minutes: u64, keys: std::ops::Range<u64>) -> String {
    let mut body = String::from("[");
    for minute in 0..minutes {
        let time = write_time(from + minute * 60);
        for key in keys.clone() {
            let comma = if body.len() > 1 { "," } else { "" };
            let record = format_args!(
                "{comma}{{\"timestamp\":\"{time}\",\"method\":\"GET\",\"path\":\"/images/thing-{key:04}.png\",\"userAgent\":\"Mozilla/5.0 (X11; Linux x86_64; rv:{}.0) Gecko/20100101 Firefox/{}.0\"}}",
                100 + key % 20,
                100 + key % 20
            );
            body.write_fmt(record).expect("written");
        }
    }
    body.push(']');
    body
}

/// 10,000 customers, 60 minutes, 100 keys a minute; then a restart.
pub(crate) fn customers() {
    let customers = number("BENCH_CUSTOMERS", 10_000);
    println!("\n{customers} customers x 60 minutes x 100 keys, in 6 rounds of 10 minutes");
    let settings = [
        "--set",
        "aggregation.allowed_lateness=2h",
        "--set",
        "files.enabled=false",
        "--set",
        "queue.segment_bytes=64MiB",
        "--set",
        "queue.retention_bytes=64MiB",
    ];
    let server = Server::logmill(&settings);
    server.wait_until_ready();
    for round in 0..6 {
        let body = body(DAY + round * 600, 10, 0..100);
        let next = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut connection = Connection::open(server.address());
                    loop {
                        let customer = next.fetch_add(1, Ordering::Relaxed);
                        if customer >= customers {
                            return;
                        }
                        let status = connection.post(&format!("customer-{customer}"), body.as_bytes());
                        assert!(status.starts_with("HTTP/1.1 202"), "{status}");
                    }
                });
            }
        });
    }
    server.wait_until_drained();
    let cpu = server.cpu().all().as_secs_f64();
    let records = customers * 6000;
    println!(
        "{records} records, {:.0} records/CPU-s of the whole process, resident {} MiB at most, {} MiB of counts on disk",
        records as f64 / cpu,
        server.peak() >> 20,
        server.bytes_of("analytics/.logmill") >> 20
    );
    let began = Instant::now();
    let server = server.restarted(&settings);
    server.wait_until_ready();
    println!(
        "after kill -9: ready in {} ms, resident {} MiB",
        began.elapsed().as_millis(),
        server.resident() >> 20
    );
}

/// A day by minute of one customer, among many days and customers.
pub(crate) fn windows() {
    let (days, customers) = (number("BENCH_DAYS", 90), number("BENCH_CUSTOMERS", 1000));
    println!(
        "\n{days} days x {customers} customers, 3 of 60 keys a minute; and one customer whose day came in 1,440 batches"
    );
    let folder =
        tempfile::tempdir_in(std::env::var("BENCH_DIR").unwrap_or(".".to_owned())).expect("a folder");
    fill(folder.path(), days, customers);
    let settings = ["--set", "aggregation.flush_interval=100ms"];
    let server = Server::logmill_at(folder.path(), &settings);
    server.wait_until_ready();
    let mut connection = Connection::open(server.address());
    for minute in 0..1440 {
        let from = minute * 3 % 60;
        let body = body(DAY + minute * 60, 1, from..from + 3);
        assert!(connection.post("streamed", body.as_bytes()).starts_with("HTTP/1.1 202"));
        std::thread::sleep(Duration::from_millis(20));
    }
    server.wait_until_drained();
    println!("{} MiB of counts on disk", server.bytes_of("analytics/.logmill") >> 20);
    let mut rng = 7_u64;
    let mut random = move |below: u64| {
        rng = rng.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (rng >> 33) % below
    };
    let picked: Vec<_> = (0..1000).map(|_| (random(customers), random(days))).collect();
    for round in ["first", "again"] {
        let before = server.read_from_disk();
        let asked = picked.iter().map(|(customer, day)| {
            ask(&mut connection, &format!("customer-{customer}"), DAY - day * DAY_SECONDS)
        });
        show(&format!("1,000 customers and days, {round}"), asked.collect());
        println!("  {} MiB of that from the disk", (server.read_from_disk() - before) >> 20);
    }
    show("one customer and day", (0..1000).map(|_| ask(&mut connection, "customer-1", DAY)).collect());
    show("the streamed day", (0..1000).map(|_| ask(&mut connection, "streamed", DAY)).collect());
    show("nobody", (0..1000).map(|_| ask(&mut connection, "nobody", DAY)).collect());
    println!("resident {} MiB at most", server.peak() >> 20);
}

fn ask(connection: &mut Connection, customer: &str, day: u64) -> Duration {
    let (from, to) = (write_time(day), write_time(day + DAY_SECONDS));
    let began = Instant::now();
    let answer =
        connection.get(&format!("/api/v1/analytics?customer={customer}&from={from}&to={to}&window=minute"));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    began.elapsed()
}

fn show(name: &str, mut took: Vec<Duration>) {
    took.sort();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    println!("{name:<34} p50 {:.1} ms, p99 {:.1} ms, {} questions", at(0.5), at(0.99), took.len());
}

/// Counts by way of a backfill: as the server would, without the requests.
fn fill(folder: &Path, days: u64, customers: u64) {
    let world = World::real();
    let log = |name: &str| LogConfig {
        dir: folder.join("queue").join(name),
        partitions: 2,
        segment_bytes: 64 << 20,
        max_payload: 2 << 20,
        retention_bytes: 1 << 30,
        retention_age: Duration::from_secs(3600),
        reserve_bytes: 0,
        readers: Vec::new(),
        horizon: Duration::from_secs(3600),
    };
    let queue = EmbeddedQueue::start(&world, folder.join("LOCK"), log("main"), log("side")).expect("a queue");
    let config = AnalyticsConfig {
        dir: folder.to_path_buf(),
        topic: Topic::new("logs").expect("a topic"),
        late: Topic::new("late").expect("a topic"),
        default_customer: "default".to_owned(),
        interval: Duration::from_secs(30),
        allowed_lateness: Duration::ZERO,
        max_keys: 1000,
    };
    let analytics = Analytics::new(world, queue, config);
    for day in 0..days {
        let begin = DAY - day * DAY_SECONDS;
        let hour = u32::try_from(begin / 3600).expect("an hour");
        let mut recount = analytics.recount(hour..hour + 24).expect("a recount");
        let bodies: Vec<String> = (0..24)
            .flat_map(|hour| (0..60).map(move |minute| (hour, minute)))
            .map(|(hour, minute)| {
                body(begin + hour * 3600 + minute * 60, 1, minute % 20 * 3..minute % 20 * 3 + 3)
            })
            .collect();
        let bodies: Vec<String> = bodies.chunks(60).map(|hour| hour.join("").replace("][", ",")).collect();
        for customer in 0..customers {
            let customer = format!("customer-{customer}");
            for body in &bodies {
                let body = body.as_bytes();
                let batch =
                    Batch { customer: &customer, format: Format::Json, body, rejected: &[], received_at: 0 };
                recount.add(&batch).expect("counted");
            }
        }
        recount.end(false).expect("stored");
    }
}

/// One connection of a client.
struct Connection(TcpStream, Vec<u8>);

impl Connection {
    fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server accepts");
        stream.set_nodelay(true).expect("an option");
        Self(stream, Vec::new())
    }

    fn post(&mut self, customer: &str, body: &[u8]) -> String {
        let head = format!(
            "POST /logs HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\nx-customer-id: {customer}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.0.write_all(head.as_bytes()).expect("sent");
        self.0.write_all(body).expect("sent");
        self.answer()
    }

    fn get(&mut self, path: &str) -> String {
        write!(self.0, "GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n").expect("sent");
        self.answer()
    }

    /// The whole answer, read to its end; answers its head.
    fn answer(&mut self) -> String {
        let (mut block, mut all) = ([0; 64 << 10], std::mem::take(&mut self.1));
        all.clear();
        loop {
            let read = self.0.read(&mut block).expect("an answer");
            assert!(read > 0, "the server closed the connection");
            all.extend_from_slice(&block[..read]);
            let Some(end) = all.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&all[..end]).into_owned();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.and_then(|length| length.parse().ok()).expect("a length");
            if all.len() >= end + 4 + length {
                self.1 = all;
                return head;
            }
        }
    }
}
