//! Real listeners with a real queue, and clients of both protocols.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper::{HeaderMap, Request};
use hyper_util::rt::{TokioExecutor, TokioIo};
use logmill_http::{Intake, IntakeConfig, Listener, Protocol, Timeouts};
use logmill_otlp::Limits;
use logmill_queue::embedded::{EmbeddedQueue, LogConfig};
use logmill_queue::{Delivery, Frame, Partition, Queue, Start, Topic};
use logmill_world::World;
use prometheus::Registry;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::{OtlpConfig, OtlpLogs, OtlpMetrics, grpc_router, http_router};

/// A request of the OpenTelemetry SDK for Python, and what it holds.
pub(super) const REAL: &[u8] = include_bytes!("../../../otlp/tests/data/http_logs.pb");
pub(super) const REAL_RECORDS: u32 = 3;
pub(super) const EXPORT: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

pub(super) type Headers<'a> = &'a [(&'a str, &'a str)];

/// The same request as JSON. The file comes from Python's protobuf, which writes ids in base64; OTLP has them in hexadecimal digits.
pub(super) fn real_json() -> Vec<u8> {
    let text = include_str!("../../../otlp/tests/data/http_logs.json");
    let mut request: serde_json::Value = serde_json::from_str(text).unwrap();
    let scopes = request["resourceLogs"][0]["scopeLogs"].as_array_mut().unwrap();
    for record in scopes.iter_mut().flat_map(|scope| scope["logRecords"].as_array_mut().unwrap()) {
        for name in ["traceId", "spanId"] {
            if let Some(id) = record.get(name).and_then(|id| id.as_str()) {
                let id = STANDARD.decode(id).unwrap();
                record[name] = id.iter().map(|byte| format!("{byte:02X}")).collect::<String>().into();
            }
        }
    }
    request.to_string().into_bytes()
}

fn topic() -> Topic {
    Topic::new("otel-logs").unwrap()
}

fn real_queue(world: &World, folder: &TempDir, max_payload: u32) -> Arc<EmbeddedQueue> {
    let config = |name: &str| LogConfig {
        dir: folder.path().join(name),
        partitions: 1,
        segment_bytes: 16 << 20,
        max_payload,
        retention_bytes: 1 << 30,
        retention_age: Duration::from_secs(3600),
        reserve_bytes: 0,
        readers: Vec::new(),
        horizon: Duration::from_secs(3600),
    };
    EmbeddedQueue::start(world, folder.path().join("LOCK"), config("main"), config("side")).unwrap()
}

pub(super) struct Setup {
    pub intake: IntakeConfig,
    pub max_payload: u32,
    /// Puts something in front of the queue.
    pub wrap: fn(Arc<dyn Queue>) -> Arc<dyn Queue>,
}

impl Default for Setup {
    fn default() -> Self {
        let intake = IntakeConfig {
            max_bytes: 1 << 20,
            max_in_flight_bytes: 4 << 20,
            max_in_flight_requests: 100,
            timeout: Duration::from_secs(30),
        };
        Self { intake, max_payload: 2 << 20, wrap: |queue| queue }
    }
}

pub(super) struct Server {
    pub http: SocketAddr,
    pub grpc: SocketAddr,
    queue: Arc<dyn Queue>,
    registry: Registry,
    _drain: watch::Sender<bool>,
    _folder: TempDir,
}

impl Setup {
    pub(super) async fn start(self) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let world = World::real();
        let queue = (self.wrap)(real_queue(&world, &folder, self.max_payload));
        let registry = Registry::new();
        let intake = Intake::register(world.clone(), &registry, self.intake).unwrap();
        let config = OtlpConfig { topic: topic(), limits: Limits::default(), max_records: 1000 };
        let metrics = OtlpMetrics::register(&registry).unwrap();
        let logs = OtlpLogs::new(world.clone(), queue.clone(), intake, config, metrics);
        let drain = watch::Sender::new(false);
        let mut addresses = Vec::new();
        let doors =
            [(Protocol::Http1, http_router(logs.clone())), (Protocol::Http2, grpc_router(logs.clone()))];
        for (protocol, router) in doors {
            let timeouts = Timeouts { header: Duration::from_secs(10), idle: Duration::from_secs(60) };
            let bound = Listener::bind(world.clone(), "127.0.0.1:0".parse().unwrap(), protocol, timeouts);
            let listener = bound.await.unwrap();
            addresses.push(listener.address().unwrap());
            tokio::spawn(listener.serve(router, drain.subscribe()));
        }
        let (http, grpc) = (addresses[0], addresses[1]);
        Server { http, grpc, queue, registry, _drain: drain, _folder: folder }
    }
}

#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    /// Headers, and trailers behind them.
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn collect(response: hyper::Response<hyper::body::Incoming>) -> Answer {
    let (head, body) = response.into_parts();
    let mut headers = head.headers;
    let collected = body.collect().await.unwrap();
    if let Some(trailers) = collected.trailers() {
        headers.extend(trailers.clone());
    }
    Answer { status: head.status.as_u16(), headers, body: collected.to_bytes() }
}

/// A message behind its prefix.
pub(super) fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[flag], &length[..], message].concat()
}

impl Server {
    pub(super) async fn post(&self, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let io = TokioIo::new(TcpStream::connect(self.http).await.unwrap());
        let (mut sender, connection) = http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        let mut request = Request::post("/v1/logs").header("host", "x");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body))).unwrap();
        collect(sender.send_request(request).await.unwrap()).await
    }

    pub(super) async fn protobuf(&self, body: &[u8]) -> Answer {
        self.post(&[("content-type", "application/x-protobuf")], body).await
    }

    /// A call with these headers and this body, prefix and all.
    pub(super) async fn call(&self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let io = TokioIo::new(TcpStream::connect(self.grpc).await.unwrap());
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        let uri = format!("http://{}{path}", self.grpc);
        let mut request = Request::post(uri).header("te", "trailers");
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/grpc");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        collect(sender.send_request(request).await.unwrap()).await
    }

    pub(super) async fn export(&self, message: &[u8]) -> Answer {
        self.call(EXPORT, &[], framed(0, message)).await
    }

    pub(super) async fn stored(&self) -> Vec<Frame> {
        let mut scan = self.queue.scan(&topic(), Partition(0), Start::Oldest).await.unwrap();
        let mut frames = Vec::new();
        while let Some(Delivery::Frame(frame)) = scan.next().await.unwrap() {
            frames.push(frame);
        }
        frames
    }

    /// The value of a counter or gauge with these values of its labels.
    pub(super) fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let found = self.registry.gather().into_iter().find(|family| family.name() == name);
        let family = found.expect("the metric is there");
        let has = |metric: &&prometheus::proto::Metric| {
            metric.get_label().iter().map(prometheus::proto::LabelPair::value).eq(labels.iter().copied())
        };
        let metric = family.get_metric().iter().find(has);
        metric.map_or(0.0, |metric| metric.get_counter().get_value() + metric.get_gauge().get_value())
    }
}
