//! A machine with a real embedded queue on a simulated disk, and what a test asks of it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use logmill_queue::embedded::{EmbeddedQueue, LogConfig};
use logmill_queue::{
    Append, Appended, Committed, Delivery, Encoding, Event, Frame, Group, Header, Offset, Partition, Queue,
    Route, Start, Topic,
};
use logmill_world::sim::{self, Disk, Image, SimClock};
use logmill_world::{Micros, World};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::outputs::{Memory, MemorySink};
use crate::{DeadLetters, Drain, SinkSpec, SinkState, SinkStatus, Turns, run};

pub(super) const P0: Partition = Partition(0);
pub(super) const ATTEMPTS: u32 = 5;
pub(super) const FLUSH: Duration = Duration::from_millis(100);
const HOUR: Duration = Duration::from_secs(3600);

pub(super) fn web() -> Topic {
    Topic::new("web").unwrap()
}

fn dlq() -> Topic {
    Topic::new("web.dlq").unwrap()
}

pub(super) fn group(name: &str) -> Group {
    Group::new(name).unwrap()
}

fn config(name: &str) -> LogConfig {
    LogConfig {
        dir: Path::new("/data/queue").join(name),
        partitions: 1,
        segment_bytes: 1 << 20,
        max_payload: 1 << 18,
        retention_bytes: 0,
        retention_age: HOUR,
        reserve_bytes: 0,
        readers: Vec::new(),
        horizon: HOUR,
    }
}

/// The disk that outlives the process.
pub(super) struct Machine {
    pub disk: Disk,
    /// How far the wall clock is from where each simulation begins.
    wall: Micros,
}

impl Machine {
    pub(super) fn new() -> Self {
        Self { disk: Disk::new(&Image::default()), wall: 0 }
    }

    /// One life of the process: it ends with `kill -9` once `test` is through.
    pub(super) fn live<T>(&mut self, test: impl AsyncFnOnce(&Life) -> T) -> T {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (out, image, lived) = runtime.block_on(async {
            let life = Life::begin(&self.disk, self.wall);
            let out = test(&life).await;
            let dead = life.corpse.lock().unwrap().take();
            (out, dead, life.world.clock().monotonic())
        });
        drop(runtime);
        self.wall += Micros::try_from(lived.as_micros()).unwrap();
        self.disk = Disk::new(&image.unwrap_or_else(|| self.disk.killed()));
        out
    }
}

/// A process while it lives.
pub(super) struct Life {
    pub world: World,
    pub disk: Disk,
    pub queue: Arc<EmbeddedQueue>,
    /// What the disk held when the process was killed in the middle of something.
    pub corpse: super::outputs::Corpse,
    draining: watch::Sender<bool>,
    turns: Turns,
}

/// A sink that runs.
pub(super) struct Running {
    pub status: Arc<SinkStatus>,
    pub task: JoinHandle<()>,
}

impl Running {
    pub(super) fn state(&self) -> SinkState {
        self.status.get()
    }

    pub(super) fn waits(&self) -> bool {
        matches!(self.state(), SinkState::Waiting(_))
    }

    pub(super) fn reason(&self) -> Option<String> {
        match self.state() {
            SinkState::Stopped(reason) => Some(reason),
            _ => None,
        }
    }
}

impl Life {
    fn begin(disk: &Disk, wall: Micros) -> Self {
        let clock = SimClock::start();
        clock.jump(wall);
        let world = sim::world(7, clock, disk);
        let queue =
            EmbeddedQueue::start(&world, "/data/LOCK".into(), config("main"), config("side")).unwrap();
        assert_eq!(queue.trouble().map(|error| error.to_string()), None);
        let (corpse, draining, turns) = (Arc::default(), watch::Sender::new(false), Turns::default());
        Self { world, disk: disk.clone(), queue, corpse, draining, turns }
    }

    pub(super) fn run(&self, name: &str, memory: &Memory) -> Running {
        self.run_for(name, memory, Duration::from_secs(30))
    }

    pub(super) fn run_for(&self, name: &str, memory: &Memory, shutdown_timeout: Duration) -> Running {
        let queue: Arc<dyn Queue> = self.queue.clone();
        let group = group(name);
        let letters = DeadLetters::new(self.world.clone(), queue.clone(), &web(), &group, name).unwrap();
        let sink = Arc::new(MemorySink::new(self, memory));
        let (flush_interval, attempts, budget) = (FLUSH, ATTEMPTS, 1 << 20);
        let topic = web();
        let turns = self.turns.clone();
        let spec = SinkSpec {
            group,
            topic,
            sink,
            letters,
            flush_interval,
            attempts,
            shutdown_timeout,
            budget,
            turns,
        };
        let status = Arc::new(SinkStatus::default());
        let drain = Drain(self.draining.subscribe());
        let task = tokio::spawn(run(self.world.clone(), queue, spec, status.clone(), drain));
        Running { status, task }
    }

    /// SIGTERM.
    pub(super) fn drain(&self) {
        self.draining.send_replace(true);
    }

    pub(super) async fn put(&self, payload: &str) -> Offset {
        let header = Header::new(Encoding::OPAQUE, 1, self.world.clock().wall());
        let payload = Bytes::from(payload.to_owned());
        let append = Append { topic: web(), route: Route::To(P0), header, payload };
        match self.queue.append(append).await.unwrap() {
            Appended::New(position) => position.offset,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn put_all(&self, payloads: &[&str]) {
        for payload in payloads {
            self.put(payload).await;
        }
    }

    /// Waits until `done`; fails after an hour of the simulation.
    pub(super) async fn until(&self, what: &str, mut done: impl FnMut() -> bool) {
        let limit = self.world.clock().monotonic() + HOUR;
        while !done() {
            assert!(self.world.clock().monotonic() < limit, "waited in vain: {what}");
            self.pass(10).await;
        }
    }

    /// Lets so many milliseconds go by.
    pub(super) async fn pass(&self, millis: u64) {
        self.world.clock().sleep(Duration::from_millis(millis)).await;
    }

    /// Frames that the group has not committed.
    pub(super) async fn queued(&self, name: &str) -> u64 {
        self.queue.depth(&web(), &group(name)).await.unwrap().frames
    }

    pub(super) async fn letters(&self) -> Vec<Frame> {
        letters(&*self.queue).await
    }

    /// The group's position and note, as its next owner finds them.
    pub(super) async fn position(&self, name: &str) -> Option<Committed> {
        let mut member = self.queue.subscribe(&web(), &group(name), 1 << 20).await.unwrap();
        match member.next().await.unwrap() {
            Event::Assigned(mut reader) => reader.committed().await.unwrap(),
            _ => panic!("not assigned"),
        }
    }
}

pub(super) async fn letters(queue: &dyn Queue) -> Vec<Frame> {
    let mut found = Vec::new();
    let mut scan = queue.scan(&dlq(), P0, Start::Oldest).await.unwrap();
    while let Some(Delivery::Frame(frame)) = scan.next().await.unwrap() {
        found.push(frame);
    }
    found
}

pub(super) fn text(frame: &Frame, name: &str) -> String {
    frame.header.attribute(name).map(|value| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
}
