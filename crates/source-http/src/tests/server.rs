//! A real listener with a real queue, and a client that says exactly what a test wants on the wire.

use std::sync::Arc;
use std::time::Duration;

use logmill_http::{Intake, IntakeConfig, Listener, Protocol, Timeouts};
use logmill_model::Limits;
use logmill_queue::embedded::{EmbeddedQueue, LogConfig};
use logmill_queue::{Delivery, Frame, Partition, Queue, Start, Topic};
use logmill_world::World;
use prometheus::Registry;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::{WebConfig, WebLogs, WebMetrics, router};

pub(super) const RECORD: &str = r#"{"timestamp":"2025-12-28T18:00:00Z","path":"/a","userAgent":"x"}"#;

pub(super) fn web() -> Topic {
    Topic::new("web").unwrap()
}

pub(super) fn real_queue(world: &World, folder: &TempDir) -> Arc<EmbeddedQueue> {
    let config = |name: &str| LogConfig {
        dir: folder.path().join(name),
        partitions: 1,
        segment_bytes: 16 << 20,
        max_payload: 2 << 20,
        retention_bytes: 1 << 30,
        retention_age: Duration::from_secs(3600),
        reserve_bytes: 0,
        readers: Vec::new(),
        horizon: Duration::from_secs(3600),
    };
    EmbeddedQueue::start(world, folder.path().join("LOCK"), config("main"), config("side")).unwrap()
}

pub(super) struct Server {
    pub address: std::net::SocketAddr,
    pub queue: Arc<dyn Queue>,
    pub registry: Registry,
    pub drain: watch::Sender<bool>,
    pub task: JoinHandle<()>,
    _folder: TempDir,
}

pub(super) struct Setup {
    pub config: WebConfig,
    pub intake: IntakeConfig,
    pub timeouts: Timeouts,
    /// Puts something in front of the queue.
    pub wrap: fn(Arc<dyn Queue>) -> Arc<dyn Queue>,
}

impl Default for Setup {
    fn default() -> Self {
        let config = WebConfig { topic: web(), require_customer: false, limits: Limits::default() };
        let intake = IntakeConfig {
            max_bytes: 1 << 20,
            max_in_flight_bytes: 4 << 20,
            max_in_flight_requests: 100,
            timeout: Duration::from_secs(30),
        };
        let timeouts = Timeouts { header: Duration::from_secs(10), idle: Duration::from_secs(60) };
        Self { config, intake, timeouts, wrap: |queue| queue }
    }
}

impl Setup {
    pub(super) async fn start(self) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let world = World::real();
        let queue = (self.wrap)(real_queue(&world, &folder));
        let registry = Registry::new();
        let metrics = WebMetrics::register(&registry).unwrap();
        let intake = Intake::register(world.clone(), &registry, self.intake).unwrap();
        let logs = WebLogs::new(world.clone(), queue.clone(), intake, self.config, metrics);
        let address = "127.0.0.1:0".parse().unwrap();
        let listener = Listener::bind(world, address, Protocol::Http1, self.timeouts).await.unwrap();
        let address = listener.address().unwrap();
        let drain = watch::Sender::new(false);
        let task = tokio::spawn(listener.serve(router(logs), drain.subscribe()));
        Server { address, queue, registry, drain, task, _folder: folder }
    }
}

#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(super) fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap_or_default().to_owned()
    }
}

pub(super) struct Client(TcpStream);

impl Client {
    pub(super) async fn connect(address: std::net::SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Sends, if the server still reads.
    pub(super) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Sends the head of a request, and waits until its body is waited for: then what it needs is reserved.
    pub(super) async fn begin(&mut self, length: usize) {
        self.send(head(&[("expect", "100-continue")], length)).await;
        assert_eq!(self.answer().await.status, 100);
    }

    /// The next answer; fails if the connection ends instead.
    pub(super) async fn answer(&mut self) -> Answer {
        self.maybe_answer().await.expect("an answer, not the end of the connection")
    }

    async fn maybe_answer(&mut self) -> Option<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
        let mut body = vec![0; length.trim().parse().unwrap()];
        self.0.read_exact(&mut body).await.ok()?;
        Some(Answer { status, head, body: String::from_utf8(body).unwrap() })
    }

    /// Whether the server closes the connection without another word.
    pub(super) async fn is_closed(&mut self) -> bool {
        let read = tokio::time::timeout(Duration::from_secs(20), self.0.read(&mut [0; 1])).await;
        matches!(read, Ok(Ok(0) | Err(_)))
    }
}

pub(super) fn head(headers: &[(&str, &str)], length: usize) -> String {
    let mut head = format!("POST /logs HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n");
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        head.push_str("content-type: application/json\r\n");
    }
    headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    head + "\r\n"
}

impl Server {
    pub(super) async fn connect(&self) -> Client {
        Client::connect(self.address).await
    }

    pub(super) async fn post(&self, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Answer {
        let body = body.as_ref();
        let mut client = self.connect().await;
        client.send([head(headers, body.len()).as_bytes(), body].concat()).await;
        client.answer().await
    }

    pub(super) async fn stored(&self) -> Vec<Frame> {
        let mut scan = self.queue.scan(&web(), Partition(0), Start::Oldest).await.unwrap();
        let mut frames = Vec::new();
        while let Some(Delivery::Frame(frame)) = scan.next().await.unwrap() {
            frames.push(frame);
        }
        frames
    }

    /// The value of a counter or gauge, or the count of a histogram.
    pub(super) fn metric(&self, name: &str) -> f64 {
        let found = self.registry.gather().into_iter().find(|family| family.name() == name);
        let sum = |family: prometheus::proto::MetricFamily| {
            let metrics = family.get_metric().iter();
            metrics
                .map(|m| {
                    m.get_counter().get_value()
                        + m.get_gauge().get_value()
                        + m.get_histogram().get_sample_count() as f64
                })
                .sum()
        };
        found.map_or(0.0, sum)
    }

    /// Waits until a metric has this value.
    pub(super) async fn until(&self, name: &str, value: f64) {
        for _ in 0..2000 {
            if self.metric(name) == value {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{name} is {} and never becomes {value}", self.metric(name));
    }
}
