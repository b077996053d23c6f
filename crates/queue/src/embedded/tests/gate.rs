//! What happens while a sync is under way: on threads, with a disk whose syncs wait until they are let through.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Condvar, Mutex};
use std::time::Instant;

use logmill_world::{Fs, Job, Lock, LockFailure, Machine, Micros, Space, World};

use super::*;

/// Lets syncs through, or holds them up.
#[derive(Default)]
struct Gate {
    closed: Mutex<bool>,
    waiting: Mutex<u32>,
    changed: Condvar,
}

impl Gate {
    fn set(&self, closed: bool) {
        *self.closed.lock().unwrap() = closed;
        self.changed.notify_all();
    }

    fn pass(&self) {
        *self.waiting.lock().unwrap() += 1;
        drop(self.changed.wait_while(self.closed.lock().unwrap(), |closed| *closed).unwrap());
        *self.waiting.lock().unwrap() -= 1;
    }

    /// Waits until the writer stands at the gate.
    async fn reached(&self) {
        while *self.waiting.lock().unwrap() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

struct GatedFs(Disk, Arc<Gate>);
struct GatedFile(Box<dyn File>, Arc<Gate>);

impl File for GatedFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buf, offset)
    }
    fn write_at(&self, parts: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        self.0.write_at(parts, offset)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.1.pass();
        self.0.sync_data()
    }
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
    fn allocate(&self, len: u64) -> io::Result<()> {
        self.0.allocate(len)
    }
}

impl Fs for GatedFs {
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.0.create_dir_all(path)
    }
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn File>> {
        Ok(Box::new(GatedFile(self.0.open(path, mode)?, self.1.clone())))
    }
    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.0.list(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.remove(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.0.sync_dir(path)
    }
    fn space(&self, path: &Path) -> io::Result<Space> {
        self.0.space(path)
    }
    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>, LockFailure> {
        self.0.lock(path)
    }
}

struct RealTime(Instant);

impl Clock for RealTime {
    fn wall(&self) -> Micros {
        1_766_944_800_000_000
    }
    fn monotonic(&self) -> Duration {
        // Ten times as fast: the hand-over takes half a second.
        self.0.elapsed() * 10
    }
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(duration / 10))
    }
}

struct Threads;

impl Machine for Threads {
    fn fill(&self, out: &mut [u8]) {
        fastrand::fill(out);
    }
    fn spawn_io(&self, _: &str, job: Job) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        std::thread::spawn(move || runtime.block_on(job));
        Ok(())
    }
}

fn gated() -> (EmbeddedLog, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    let fs = Arc::new(GatedFs(empty(), gate.clone()));
    let world = World::new(Arc::new(RealTime(Instant::now())), fs, Arc::new(Threads));
    (EmbeddedLog::open(&world, &config()).unwrap().0, gate)
}

async fn still_waits<T>(future: impl Future<Output = T>) -> bool {
    tokio::time::timeout(Duration::from_millis(30), future).await.is_err()
}

/// Before the sync has ended nobody is answered and no reader sees the frame; then both at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_answered_or_seen_before_the_sync() {
    let (log, gate) = gated();
    let (_sub, mut reader) = join(&log).await;
    reader.start(Start::Oldest).await.unwrap();
    gate.set(true);
    let mut append = log.append(frame(P0, 7, 0));
    assert!(still_waits(&mut append).await, "answered before the sync");
    gate.reached().await;
    assert!(still_waits(reader.next()).await, "seen before the sync");
    assert_eq!(all(&log, P0).await.numbers(), Vec::<u64>::new());
    let depth = log.depth(&web(), &Group::new("g").unwrap()).await.unwrap();
    assert_eq!((depth.frames, depth.records.unwrap().accepted), (0, 0));
    gate.set(false);
    assert!(matches!(append.await, Ok(Appended::New(_))));
    assert!(matches!(reader.next().await, Ok(Delivery::Frame(_))));
}

/// The hand-over ends while a relay is being synced: the next owner waits for it and reads behind it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_owner_sees_a_relay_that_was_being_synced() {
    let (log, gate) = gated();
    put(&log, frame(P0, 7, 0)).await;
    let (_sub, mut reader) = join(&log).await;
    reader.start(Start::Oldest).await.unwrap();
    reader.next().await.unwrap();
    gate.set(true);
    let text = note("relayed");
    let out = vec![Append { topic: Topic::new("out").unwrap(), ..frame(P1, 1, 0) }];
    let mut relay = reader.relay(out, 1, &text);
    assert!(still_waits(&mut relay).await);
    gate.reached().await;
    let mut second = log.subscribe(&web(), &Group::new("g").unwrap(), 1).await.unwrap();
    // The hand-over time passes; the lease is lost while the relay is on its way.
    let assigned = tokio::time::timeout(Duration::from_millis(900), second.next()).await;
    assert!(assigned.is_err(), "assigned while a commit of the former owner could still land");
    gate.set(false);
    let relayed = relay.await.is_ok();
    let Event::Assigned(mut owner) = second.next().await.unwrap() else { panic!("expected Assigned") };
    let committed = owner.committed().await.unwrap().map(|c| c.offset);
    assert_eq!(committed, relayed.then_some(1));
    let out = scan(&log, &Topic::new("out").unwrap(), P1, Start::Oldest).await;
    assert_eq!(out.frames.len(), usize::from(relayed));
    assert!(!reader.lease().is_held());
}
