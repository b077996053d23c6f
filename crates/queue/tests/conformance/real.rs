//! The real disk, with a clock that can be moved. A crash is what `kill -9` leaves: the log goes on from a
//! copy of its files that was taken while it was open.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use logmill_queue::embedded::EmbeddedLog;
use logmill_queue::{BoxFuture, Queue};
use logmill_testkit::queue::{Abilities, Case, Harness};
use logmill_world::{Clock, Job, Machine, Micros, World};
use tokio::sync::watch;

use super::{abilities, config};

/// Real time that can be moved forward.
struct Skipping {
    started: Instant,
    skipped: watch::Sender<Duration>,
}

impl Clock for Skipping {
    fn wall(&self) -> Micros {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap() + *self.skipped.borrow();
        now.as_micros() as Micros
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed() + *self.skipped.borrow()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut skipped = self.skipped.subscribe();
        let before = *skipped.borrow();
        Box::pin(async move {
            let enough = skipped.wait_for(|now| *now >= before + duration);
            tokio::select! {
                () = tokio::time::sleep(duration) => {}
                _ = enough => {}
            }
        })
    }
}

/// Remembers its threads, so that a test knows when a log has ended.
#[derive(Default)]
struct Threads(Mutex<Vec<JoinHandle<()>>>);

impl Machine for Threads {
    fn fill(&self, out: &mut [u8]) {
        fastrand::fill(out);
    }

    fn spawn_io(&self, name: &str, job: Job) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let thread = std::thread::Builder::new().name(name.to_owned());
        self.0.lock().unwrap().push(thread.spawn(move || runtime.block_on(job))?);
        Ok(())
    }
}

struct Real {
    folder: tempfile::TempDir,
    life: u32,
    clock: Arc<Skipping>,
    threads: Arc<Threads>,
}

pub(crate) fn run(case: Case) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    runtime.block_on(async {
        let clock = Skipping { started: Instant::now(), skipped: watch::Sender::new(Duration::ZERO) };
        let mut real = Real {
            folder: tempfile::tempdir().unwrap(),
            life: 0,
            clock: Arc::new(clock),
            threads: Arc::default(),
        };
        case(&mut real).await;
    });
}

impl Real {
    fn dir(&self) -> PathBuf {
        self.folder.path().join(format!("life-{}/log", self.life))
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

impl Harness for Real {
    fn open(&mut self) -> BoxFuture<'_, Arc<dyn Queue>> {
        Box::pin(async {
            let threads = std::mem::take(&mut *self.threads.0.lock().unwrap());
            let ended = tokio::task::spawn_blocking(|| threads.into_iter().for_each(|t| t.join().unwrap()));
            tokio::time::timeout(Duration::from_secs(20), ended)
                .await
                .expect("a handle is still held")
                .unwrap();
            let fs = World::real().fs().clone();
            let world = World::new(self.clock.clone(), fs, self.threads.clone());
            let (log, opened) = EmbeddedLog::open(&world, &config(&self.dir())).unwrap();
            assert_eq!((opened.damaged, opened.unreadable_keys), (vec![], vec![]));
            Arc::new(log) as Arc<dyn Queue>
        })
    }

    fn crash(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let before = self.dir();
            self.life += 1;
            copy(&before, &self.dir());
            // The process that "died" goes on for itself; nobody looks at its files any more.
            self.threads.0.lock().unwrap().clear();
        })
    }

    fn advance(&self, by: Duration) -> BoxFuture<'_, ()> {
        self.clock.skipped.send_modify(|skipped| *skipped += by);
        // Whoever was woken gets some time to act.
        Box::pin(tokio::time::sleep(Duration::from_millis(20)))
    }

    fn now(&self) -> Micros {
        self.clock.wall()
    }

    fn abilities(&self) -> Abilities {
        abilities()
    }
}
