//! A sink with rows of a few columns, and PyIceberg as the independent reader.

pub(crate) mod clock;
pub(crate) mod faulty;
pub(crate) mod proxy;
pub(crate) mod rows;

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use logmill_queue::{
    Committed, Delivery, Encoding, Frame, Header, Lease, LogId, Note, Offset, Outcome, Partition, Sink,
    Staged, Start, Topic, Writer,
};
use logmill_sink_iceberg::catalog::{Catalog, TableName};
use logmill_sink_iceberg::rows::Window;
use logmill_sink_iceberg::{IcebergSink, LakeConfig, LakeMetrics};
use logmill_store::StoreConfig;
use logmill_world::World;
use prometheus::Registry;
use serde_json::Value;

pub(crate) const LOG: LogId = LogId([7; 16]);

pub(crate) fn table() -> TableName {
    TableName::parse("otel.logs").unwrap()
}

pub(crate) fn config(store: StoreConfig) -> LakeConfig {
    LakeConfig {
        table: table(),
        window: Window { past: Duration::MAX, future: Duration::MAX },
        store,
        memory_bytes: 64 << 20,
        flush_size: 16 << 20,
        rewrite_after: Duration::from_secs(3600),
    }
}

pub(crate) fn sink(catalog: Arc<dyn Catalog>, config: LakeConfig) -> IcebergSink {
    sink_in(&World::real(), catalog, config)
}

pub(crate) fn sink_in(world: &World, catalog: Arc<dyn Catalog>, config: LakeConfig) -> IcebergSink {
    let metrics = LakeMetrics::register(&Registry::new(), world).unwrap();
    IcebergSink::new(world, catalog, config, metrics)
}

pub(crate) fn lease(partition: u16, epoch: u64) -> Lease {
    Lease::new(LOG, Topic::new("otel-logs").unwrap(), Partition(partition), epoch)
}

/// A partition of a sink that was opened, and what a runner would do with it.
pub(crate) struct Lane {
    pub(crate) lease: Lease,
    pub(crate) start: Start,
    pub(crate) next: Offset,
    writer: Box<dyn Writer>,
}

impl Lane {
    pub(crate) async fn open(sink: &IcebergSink, lease: Lease, note: Option<&str>) -> Self {
        let committed = note.map(|note| Committed { offset: 0, note: Note::new(note.to_owned()).unwrap() });
        let opening = sink.open(lease.clone(), committed.as_ref()).await.unwrap();
        let next = match opening.start {
            Start::At(_, offset) => offset,
            _ => 0,
        };
        Self { lease, start: opening.start, next, writer: opening.writer }
    }

    /// A range with one frame for each text; a text has one `day|service|body` a line.
    pub(crate) fn range(&mut self, frames: &[&str]) -> Staged {
        let from = self.next;
        for text in frames {
            let count = u32::try_from(text.lines().count()).unwrap();
            let header = Header::new(Encoding(logmill_otlp::ENCODING), count, 0);
            let payload = Bytes::from(rows::request(text));
            let frame = Frame { offset: self.next, header, payload };
            self.writer.write(&Delivery::Frame(frame));
            self.next += 1;
        }
        Staged { lease: self.lease.clone(), from, to: self.next, content: self.writer.stage() }
    }
}

/// The offsets to which the outcomes move their groups.
pub(crate) fn done(outcomes: &[Outcome]) -> Vec<Offset> {
    let offset = |outcome: &Outcome| match outcome {
        Outcome::Done(_, Some(committed)) => committed.offset,
        other => panic!("{other:?}"),
    };
    outcomes.iter().map(offset).collect()
}

/// Commits one range until it is known, as the runner does.
pub(crate) async fn commit(sink: &IcebergSink, staged: Staged) -> Outcome {
    let staged = [staged];
    for _ in 0..20 {
        match sink.commit(&staged).await {
            Ok(mut outcomes) => return outcomes.remove(0),
            Err(error) => eprintln!("again: {error}"),
        }
    }
    panic!("20 calls did not commit it");
}

/// How PyIceberg comes to a catalog.
pub(crate) struct Reader(Vec<String>);

impl Reader {
    pub(crate) fn sqlite(folder: &std::path::Path) -> Self {
        Self(vec![format!("uri=sqlite:///{}/catalog.db", folder.display()), "type=sql".to_owned()])
    }

    pub(crate) fn rest(uri: &str, more: &[(&str, &str)]) -> Self {
        let more = more.iter().map(|(name, value)| format!("{name}={value}"));
        Self([format!("uri={uri}"), "type=rest".to_owned()].into_iter().chain(more).collect())
    }

    /// Everything that PyIceberg says of the table.
    pub(crate) fn look(&self) -> Value {
        self.ask("look", &[])
    }

    /// Lets PyIceberg do something.
    pub(crate) fn ask(&self, verb: &str, more: &[&str]) -> Value {
        let home = || std::env::var("HOME").expect("HOME is set");
        let services = std::env::var("LOGMILL_SERVICES")
            .map_or_else(|_| PathBuf::from(home()).join(".cache/logmill-services"), PathBuf::from);
        let mut command = Command::new("python3");
        command
            .env("PYTHONPATH", services.join("pyiceberg"))
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lake.py"))
            .arg(verb)
            .args(&self.0)
            .arg("--")
            .args(more);
        let done = command.output().expect("python3 is on the PATH");
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "tests/tools.sh installs PyIceberg; it said: {said}");
        serde_json::from_slice(&done.stdout).expect("the script prints JSON")
    }
}

/// The bodies of all rows, sorted.
pub(crate) fn bodies(look: &Value) -> Vec<String> {
    let rows = look["rows"].as_array().unwrap();
    let mut bodies: Vec<String> = rows.iter().map(|row| row["body"].as_str().unwrap().to_owned()).collect();
    bodies.sort();
    bodies
}

/// The commit ids of all snapshots of ours, in order.
pub(crate) fn commits(look: &Value) -> Vec<String> {
    let snapshots = look["snapshots"].as_array().unwrap();
    let ids = snapshots.iter().filter_map(|snapshot| snapshot["summary"]["logmill.commit-id"].as_str());
    ids.map(str::to_owned).collect()
}

/// The table's position of a partition.
pub(crate) fn position(look: &Value, partition: u16) -> Option<Offset> {
    let name = format!("logmill.position.{}.otel-logs.{partition}", "07".repeat(16));
    let text = look["properties"][name].as_str()?;
    text.split(';').next()?.parse().ok()
}
