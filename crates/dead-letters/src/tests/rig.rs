//! A real embedded queue on a simulated disk, with the real runner.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use logmill_pipeline::{DeadLetters, Drain, SinkSpec, SinkStatus, Turns};
use logmill_queue::embedded::{EmbeddedQueue, LogConfig};
use logmill_queue::{
    Append, Appended, Delivery, Encoding, Frame, Group, Header, Partition, Queue, Route, Sink, Start, Topic,
};
use logmill_world::sim::{self, Disk, Image, SimClock};
use logmill_world::{Fs, World};
use tokio::sync::watch;

use crate::{LetterFile, LetterStage};

pub(super) const P0: Partition = Partition(0);
pub(super) const FILE: &str = "/letters/dead.ndjson";

pub(super) fn topic(name: &str) -> Topic {
    Topic::new(name).unwrap()
}

/// A process.
pub(super) struct Rig {
    pub world: World,
    pub disk: Disk,
    pub queue: Arc<EmbeddedQueue>,
    _draining: watch::Sender<bool>,
    drain: Drain,
}

/// Runs `test` with paused time as one process.
pub(super) fn live<T>(disk: &Disk, test: impl AsyncFnOnce(&Rig) -> T) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = sim::world(4, SimClock::start(), disk);
        let config = |name: &str| LogConfig {
            dir: Path::new("/data").join(name),
            partitions: 1,
            segment_bytes: 1 << 20,
            max_payload: 1 << 18,
            retention_bytes: 1 << 30,
            retention_age: Duration::from_secs(3600),
            reserve_bytes: 0,
            readers: Vec::new(),
            horizon: Duration::from_secs(3600),
        };
        let queue =
            EmbeddedQueue::start(&world, "/data/LOCK".into(), config("main"), config("side")).unwrap();
        let draining = watch::Sender::new(false);
        let drain = Drain(draining.subscribe());
        test(&Rig { world, disk: disk.clone(), queue, _draining: draining, drain }).await
    })
}

/// Lets a sink work from `begin`, crashes it at each change of the disk, killed and without power, and checks what the
/// next process makes of it. Answers how many changes there were.
pub(super) fn each_crash(
    begin: &Image,
    start: impl Fn(&Rig) -> Arc<SinkStatus>,
    check: &impl AsyncFn(&Rig, u64),
) -> u64 {
    for n in 1.. {
        let disk = Disk::new(begin);
        let crashed = live(&disk, async |rig| {
            disk.crash_after(n);
            start(rig);
            rig.pass(2000).await;
            disk.is_down()
        });
        if !crashed {
            return n - 1;
        }
        for image in [disk.killed(), disk.power_cut(n)] {
            live(&Disk::new(&image), async |rig| {
                start(rig);
                rig.pass(2000).await;
                check(rig, n).await;
            });
        }
    }
    unreachable!("each crash is at a later change")
}

impl Rig {
    pub(super) async fn append(
        &self,
        topic_name: &str,
        encoding: Encoding,
        count: u32,
        rejected: &[u32],
        body: &str,
    ) {
        let mut header = Header::new(encoding, count, self.world.clock().wall());
        header.customer = "acme".into();
        header.rejected = rejected.to_vec();
        header.attributes.push(("reason".into(), Bytes::from_static(b"a \"reason\"\n")));
        let append = Append {
            topic: topic(topic_name),
            route: Route::To(P0),
            header,
            payload: Bytes::from(body.to_owned()),
        };
        assert!(matches!(self.queue.append(append).await.unwrap(), Appended::New(_)));
    }

    pub(super) fn letters(&self) -> DeadLetters {
        let group = Group::new("stage").unwrap();
        DeadLetters::new(self.world.clone(), self.queue.clone(), &topic("web"), &group, "dead-letters")
            .unwrap()
    }

    pub(super) fn run_stage(&self) -> Arc<SinkStatus> {
        self.run("stage", "web", Arc::new(LetterStage))
    }

    pub(super) fn run_file(&self) -> Arc<SinkStatus> {
        self.run("file", "web.dlq", Arc::new(LetterFile::new(self.world.clone(), FILE.into())))
    }

    fn run(&self, group: &str, topic_name: &str, sink: Arc<dyn Sink>) -> Arc<SinkStatus> {
        let spec = SinkSpec {
            group: Group::new(group).unwrap(),
            topic: topic(topic_name),
            sink,
            letters: self.letters(),
            flush_interval: Duration::from_millis(50),
            attempts: 5,
            shutdown_timeout: Duration::from_secs(30),
            budget: 1 << 20,
            turns: Turns::default(),
        };
        let status = Arc::new(SinkStatus::default());
        let queue: Arc<dyn Queue> = self.queue.clone();
        tokio::spawn(logmill_pipeline::run(
            self.world.clone(),
            queue,
            spec,
            status.clone(),
            self.drain.clone(),
        ));
        status
    }

    pub(super) async fn pass(&self, millis: u64) {
        self.world.clock().sleep(Duration::from_millis(millis)).await;
    }

    pub(super) async fn stored(&self) -> Vec<Frame> {
        let mut scan = self.queue.scan(&topic("web.dlq"), P0, Start::Oldest).await.unwrap();
        let mut found = Vec::new();
        while let Some(Delivery::Frame(frame)) = scan.next().await.unwrap() {
            found.push(frame);
        }
        found
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.disk.read(Path::new(FILE), 1 << 20).unwrap()).unwrap()
    }
}
