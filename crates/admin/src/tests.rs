#![allow(clippy::disallowed_methods)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt;
use hyper::Request;
use logmill_pipeline::SinkState;
use logmill_queue::embedded::{EmbeddedQueue, LogConfig};
use logmill_queue::{
    Append, BoxFuture, Committed, Encoding, Group, Header, Lease, Opening, Outcome, Partition, Queue,
    QueueError, Route, Sink, SinkError, Staged, Topic, Totals,
};
use logmill_world::sim::{self, Disk, Image, SimClock};
use prometheus::Registry;
use prometheus::process_collector::ProcessCollector;
use serde_json::Value;
use tower_service::Service;

use crate::{Admin, Delivery, Part, PartState, Tally, router};

/// A sink that has read something.
struct Read(Vec<(Partition, Totals)>);

impl Sink for Read {
    fn open<'a>(&'a self, _: Lease, _: Option<&'a Committed>) -> BoxFuture<'a, Result<Opening, SinkError>> {
        Box::pin(async {
            Err(SinkError::Unavailable(QueueError::new(logmill_queue::Class::Bug, "not opened here")))
        })
    }
    fn commit<'a>(&'a self, _: &'a [Staged]) -> BoxFuture<'a, Result<Vec<Outcome>, SinkError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    fn checkpoint(&self) -> BoxFuture<'_, Result<Vec<(Partition, Committed)>, SinkError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    fn totals(&self) -> Vec<(Partition, Totals)> {
        self.0.clone()
    }
}

async fn queue() -> Arc<EmbeddedQueue> {
    let world = sim::world(2, SimClock::start(), &Disk::new(&Image::default()));
    let config = |name: &str| LogConfig {
        dir: Path::new("/data").join(name),
        partitions: 2,
        segment_bytes: 1 << 20,
        max_payload: 1 << 18,
        retention_bytes: 1 << 30,
        retention_age: Duration::from_secs(3600),
        reserve_bytes: 0,
        readers: Vec::new(),
        horizon: Duration::from_secs(3600),
    };
    let queue = EmbeddedQueue::start(&world, "/data/LOCK".into(), config("main"), config("side")).unwrap();
    for (partition, count) in [(0, 10), (1, 7)] {
        let header = Header::new(Encoding::OPAQUE, count, world.clock().wall());
        let (topic, route) = (Topic::new("web").unwrap(), Route::To(Partition(partition)));
        queue.append(Append { topic, route, header, payload: "x".into() }).await.unwrap();
    }
    queue
}

fn delivery(
    name: &str,
    queue: &Arc<EmbeddedQueue>,
    totals: Vec<(Partition, Totals)>,
    accounts: bool,
) -> Delivery {
    Delivery {
        name: name.to_owned(),
        topic: Topic::new("web").unwrap(),
        group: Group::new(name).unwrap(),
        queue: queue.clone(),
        sink: accounts.then(|| Arc::new(Read(totals)) as Arc<dyn Sink>),
    }
}

fn totals() -> Vec<(Partition, Totals)> {
    let first = Totals { read: 10, delivered: 5, dead_lettered: 1, rejected: 4, ..Totals::default() };
    let second = Totals { read: 3, delivered: 1, damaged: 2, ..Totals::default() };
    vec![(Partition(0), first), (Partition(1), second)]
}

async fn get(admin: &Arc<Admin>, path: &str) -> (u16, String, String) {
    let request = Request::builder().uri(path).body(Body::empty()).unwrap();
    let answer = router(admin.clone()).call(request).await.unwrap();
    let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, kind.unwrap_or_default(), String::from_utf8(body.to_vec()).unwrap())
}

fn admin(parts: Vec<Part>, deliveries: Vec<Delivery>) -> Arc<Admin> {
    let registry = Registry::new();
    registry.register(Box::new(ProcessCollector::for_self())).unwrap();
    let tally = Tally::register(&registry, "log_syncs_total", "Syncs of the log.", || 3).unwrap();
    Admin::new(registry, parts, deliveries, vec![tally]).unwrap()
}

#[tokio::test]
async fn readiness_is_503_with_the_reason_while_a_part_cannot_work() {
    let state = Arc::new(Mutex::new(PartState::Ready));
    let asked = state.clone();
    let parts = vec![
        Part::new("queue", || PartState::Notice("an idle group".into())),
        Part::new("files", move || asked.lock().unwrap().clone()),
    ];
    let admin = admin(parts, Vec::new());
    for path in ["/readyz", "/health"] {
        *state.lock().unwrap() = PartState::Ready;
        let (status, kind, body) = get(&admin, path).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, kind.as_str(), &body["ready"]), (200, "application/json", &Value::Bool(true)));
        assert_eq!(body["parts"]["queue"]["notice"], "an idle group");
        *state.lock().unwrap() = PartState::Failing("the disk is full".into());
        let (status, _, body) = get(&admin, path).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &body["ready"]), (503, &Value::Bool(false)));
        assert_eq!(body["parts"]["files"]["reason"], "the disk is full");
        assert_eq!(body["parts"]["queue"]["state"], "ready");
    }
    assert_eq!(get(&admin, "/healthz").await.0, 200, "it lives, whatever a part says");
    assert_eq!(get(&admin, "/nothing").await.0, 404);
}

#[test]
fn what_a_sink_does_says_whether_it_is_ready() {
    let reason = || "why".to_owned();
    assert_eq!(PartState::from(SinkState::Running), PartState::Ready);
    assert_eq!(PartState::from(SinkState::Waiting(reason())), PartState::Failing(reason()));
    assert_eq!(PartState::from(SinkState::Stopped(reason())), PartState::Failing(reason()));
    assert!(matches!(PartState::from(SinkState::Starting), PartState::Failing(_)));
}

/// What `promtool check metrics` has to say about a text.
fn promtool(text: &str) -> Result<(), String> {
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is on the PATH");
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    if out.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into())
    }
}

#[tokio::test(start_paused = true)]
async fn the_metrics_are_as_prometheus_wants_them() {
    let queue = queue().await;
    let stage = delivery("stage", &queue, Vec::new(), false);
    let admin = admin(Vec::new(), vec![delivery("files", &queue, totals(), true), stage]);
    let (status, kind, text) = get(&admin, "/metrics").await;
    assert_eq!((status, kind.as_str()), (200, "text/plain; version=0.0.4; charset=utf-8"));
    for line in [
        "queue_depth{sink=\"files\",topic=\"web\"} 4",
        "queue_depth{sink=\"stage\",topic=\"web\"} 17",
        "sink_records{outcome=\"read\",sink=\"files\",topic=\"web\"} 13",
        "sink_records{outcome=\"dead_lettered\",sink=\"files\",topic=\"web\"} 1",
        "log_syncs_total 3",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("outcome=\"read\",sink=\"stage\""), "a stage accounts for nothing");
    assert_eq!(promtool(&text), Ok(()));
    assert!(promtool("bad_total{ 1\n").is_err(), "promtool finds what is wrong");
    let again = get(&admin, "/metrics").await.2;
    assert!(again.contains("\nlog_syncs_total 3\n"), "asking twice counts nothing twice");
}

#[tokio::test(start_paused = true)]
async fn the_rows_of_the_ledger_sum_up() {
    let queue = queue().await;
    let stage = delivery("stage", &queue, Vec::new(), false);
    let admin = admin(Vec::new(), vec![delivery("files", &queue, totals(), true), stage]);
    let (status, _, body) = get(&admin, "/api/v1/ledger").await;
    let body: Value = serde_json::from_str(&body).unwrap();
    let rows = body["ledger"].as_array().unwrap();
    assert_eq!((status, rows.len()), (200, 1), "only who accounts for all records has a row");
    let row = &rows[0];
    let number = |row: &Value, name: &str| row[name].as_u64().unwrap();
    assert_eq!(number(row, "accepted"), 17);
    assert_eq!(number(row, "accepted"), number(row, "read") + number(row, "queued"));
    let parts = ["delivered", "deduplicated", "dead_lettered", "rejected", "damaged", "expired"];
    let partitions = row["partitions"].as_array().unwrap();
    assert_eq!(partitions.len(), 2);
    for row in partitions.iter().chain([row]) {
        assert_eq!(number(row, "read"), parts.iter().map(|name| number(row, name)).sum::<u64>(), "{row}");
    }
    for name in parts {
        assert_eq!(
            number(row, name),
            partitions.iter().map(|part| number(part, name)).sum::<u64>(),
            "{name}"
        );
    }
}
