//! The Collector that other tests stand on: what it took it sends on, also after it was killed, and nothing of it is left behind.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::panic)]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use logmill_testkit::services::collector::{Collector, Compression, Route, telemetrygen};
use logmill_testkit::services::kafka::Kafka;
use support::{eventually, is_running};

/// Set in the process that is killed: the file into which it writes what it has started.
const KILLED: &str = "LOGMILL_TEST_KILLED_REPORT";

/// One request of OTLP over HTTP: the lower-case head and the body.
type Request = (String, Vec<u8>);

/// Keeps every request that it takes.
#[derive(Clone)]
struct Taker {
    address: String,
    /// Until then it answers that it is too busy.
    open: Arc<AtomicBool>,
    taken: Arc<Mutex<Vec<Request>>>,
}

impl Taker {
    fn start(open: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let taker = Self { address, open: Arc::new(open.into()), taken: Arc::default() };
        let answering = taker.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let taker = answering.clone();
                std::thread::spawn(move || while taker.answer(stream.as_ref().unwrap()).is_some() {});
            }
        });
        taker
    }

    fn answer(&self, mut stream: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            (reader.read_line(&mut head).ok()? > 0).then_some(())?;
        }
        let head = head.to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        reader.read_exact(&mut body).ok()?;
        let open = self.open.load(Ordering::SeqCst);
        if open {
            self.taken.lock().unwrap().push((head, body));
        }
        let status = if open { "200 OK" } else { "503 Service Unavailable" };
        let answer =
            format!("HTTP/1.1 {status}\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).ok()
    }

    /// How many records have this body, in requests that are not packed.
    fn records(&self, body: &str) -> usize {
        let requests = self.taken.lock().unwrap();
        let of =
            |(_, bytes): &Request| bytes.windows(body.len()).filter(|part| *part == body.as_bytes()).count();
        requests.iter().map(of).sum()
    }
}

fn send(way: &[&str], body: &str, records: usize) {
    let records = records.to_string();
    let what = ["logs", "--otlp-insecure", "--rate", "0", "--body", body, "--logs", &records];
    telemetrygen(&[&what, way].concat());
}

#[test]
fn what_a_killed_collector_took_is_sent_when_the_target_is_there() {
    let taker = Taker::start(false);
    let collector = Collector::start(Route::ToHttp(&taker.address), Compression::None);
    send(&["--otlp-endpoint", &collector.grpc()], "over gRPC", 30);
    send(&["--otlp-http", "--otlp-endpoint", &collector.http()], "over HTTP", 20);
    collector.kill();
    assert!(TcpStream::connect(collector.http()).is_err(), "a killed Collector has no port");
    collector.restart();
    taker.open.store(true, Ordering::SeqCst);
    eventually("all records are there", || {
        (taker.records("over gRPC"), taker.records("over HTTP")) == (30, 20)
    });
    let requests = taker.taken.lock().unwrap();
    assert!(requests.iter().all(|(head, _)| head.starts_with("post /v1/logs http/1.1\r\n")), "{requests:?}");
}

#[test]
fn requests_are_packed_as_the_test_wants_it() {
    for (compression, name, magic) in [
        (Compression::Gzip, "gzip", [0x1f, 0x8b].as_slice()),
        (Compression::Zstd, "zstd", &[0x28, 0xb5, 0x2f, 0xfd]),
    ] {
        let taker = Taker::start(true);
        let collector = Collector::start(Route::ToHttp(&taker.address), compression);
        send(&["--otlp-endpoint", &collector.grpc()], "packed", 5);
        eventually("a request is there", || !taker.taken.lock().unwrap().is_empty());
        let (head, body) = taker.taken.lock().unwrap()[0].clone();
        assert!(head.contains(&format!("content-encoding: {name}\r\n")) && body.starts_with(magic), "{head}");
    }
}

#[test]
fn records_pass_from_one_collector_to_another_over_grpc_and_kafka() {
    let taker = Taker::start(true);
    let kafka = Kafka::start(1, &[("auto.create.topics.enable", "true")]);
    let (broker, topic) = (&*kafka.brokers(), "otel-logs");
    let writer = Collector::start(Route::ToKafka { broker, topic }, Compression::None);
    let first = Collector::start(Route::ToGrpc(&format!("http://{}", writer.grpc())), Compression::None);
    send(&["--otlp-endpoint", &first.grpc()], "through Kafka", 40);
    let reader =
        Collector::start(Route::FromKafka { broker, topic, target: &taker.address }, Compression::None);
    eventually("all records are there", || taker.records("through Kafka") == 40);
    drop(reader);
}

#[test]
#[should_panic(expected = "requires a non-empty")]
fn a_collector_that_cannot_start_fails_the_test_with_its_reason() {
    let _ = Collector::start(Route::ToGrpc(""), Compression::None);
}

#[test]
fn a_killed_test_leaves_no_collector_behind() {
    if let Some(report) = std::env::var_os(KILLED) {
        start_and_wait_for_the_end(Path::new(&report));
    }
    let temp = tempfile::tempdir().unwrap();
    let report = temp.path().join("report");
    let mut child = this_test_again(&report);
    eventually("the child has started a Collector", || report.exists());
    let pid = std::fs::read_to_string(&report).unwrap().parse().unwrap();
    assert!(is_running(pid));
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("the Collector ends", || !is_running(pid));
}

fn this_test_again(report: &Path) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "a_killed_test_leaves_no_collector_behind"]).env(KILLED, report);
    child.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
}

fn start_and_wait_for_the_end(report: &Path) -> ! {
    let collector = Collector::start(Route::ToHttp("http://127.0.0.1:9"), Compression::None);
    let unfinished = report.with_extension("unfinished");
    std::fs::write(&unfinished, collector.pid().unwrap().to_string()).unwrap();
    std::fs::rename(unfinished, report).unwrap();
    // Normally this ends by being killed; when the test fails before that, its pipe closes.
    let _ = std::io::stdin().read(&mut [0]);
    std::process::exit(1);
}
