//! The three brokers of all runs, and what is done to them.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use logmill_queue_kafka::{KafkaConfig, KafkaQueue};
use logmill_testkit::services::kafka::{Kafka, QUICK};
use logmill_world::World;

use crate::run::Run;

/// Partitions of each topic.
pub(crate) const PARTITIONS: u16 = 4;
/// Brokers of the cluster.
const BROKERS: u8 = 3;
/// The brokers are back in every in-sync set after this; otherwise the next fault would leave fewer than two.
const QUIET: (u64, u64) = (2_500, 4_000);
/// Milliseconds that a broker is away: from a hiccup to longer than its session of 3 s.
const AWAY: (u64, u64) = (500, 6_000);
/// Once in a while it is away for longer than the answer of an append, a member's session and a transaction may take.
const LONG: (u64, u64) = (11_000, 13_000);

/// One run at a time has the brokers: three clusters at once are too much for a small machine.
static BROKERS_OF_ALL: Mutex<Option<Arc<Kafka>>> = Mutex::new(None);
/// Keeps the topics of the runs apart.
static RUNS: AtomicU32 = AtomicU32::new(0);

/// How a broker goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Killed,
    Frozen,
}

/// A broker that goes away and comes back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub node: u8,
    pub way: Way,
    pub away: Duration,
    pub quiet: Duration,
}

/// The brokers as a run holds them.
pub(crate) struct Cluster {
    kafka: Arc<Kafka>,
    prefix: String,
}

/// Ends the brokers if the run failed: nobody knows what it left, and their logs are printed.
struct Lent(MutexGuard<'static, Option<Arc<Kafka>>>);

impl Drop for Lent {
    fn drop(&mut self) {
        if std::thread::panicking() {
            *self.0 = None;
        }
    }
}

/// Runs `body` with three brokers that nobody else uses meanwhile.
pub(crate) fn with<F>(name: &'static str, body: fn(Arc<Run>, Arc<Cluster>) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut lent = Lent(BROKERS_OF_ALL.lock().unwrap_or_else(PoisonError::into_inner));
    let kafka = lent.0.get_or_insert_with(|| Arc::new(Kafka::start(BROKERS, QUICK))).clone();
    let prefix = format!("{name}-{}.", RUNS.fetch_add(1, Ordering::Relaxed));
    let cluster = Arc::new(Cluster { kafka, prefix });
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    let run = Arc::new(Run::new(name));
    if let Err(error) = runtime.block_on(async { tokio::spawn(body(run, cluster)).await }) {
        std::panic::resume_unwind(error.into_panic());
    }
    // What a run left behind may still wait for a broker.
    runtime.shutdown_timeout(Duration::from_secs(20));
}

impl Cluster {
    /// Another handle on the log, as another process would have it.
    pub(crate) fn queue(&self) -> Arc<KafkaQueue> {
        let config = KafkaConfig {
            brokers: self.kafka.brokers(),
            topic_prefix: self.prefix.clone(),
            partitions: PARTITIONS,
            replication: Some(BROKERS.into()),
            create_topics: true,
            max_payload: 64 * 1024,
            in_flight_bytes: 64 << 20,
            horizon: Duration::from_hours(24),
            verdict_timeout: Duration::from_secs(2),
            properties: Vec::new(),
        };
        Arc::new(KafkaQueue::new(&World::real(), config).unwrap())
    }

    async fn order(self: &Arc<Self>, order: impl FnOnce(&Kafka) + Send + 'static) {
        let this = self.clone();
        tokio::task::spawn_blocking(move || order(&this.kafka)).await.unwrap();
    }

    /// A broker goes away.
    pub(crate) async fn take(self: &Arc<Self>, node: u8, way: Way) {
        self.order(move |kafka| match way {
            Way::Killed => kafka.kill(node),
            Way::Frozen => kafka.freeze(node),
        })
        .await;
    }

    /// A broker that went away comes back.
    pub(crate) async fn give_back(self: &Arc<Self>, node: u8, way: Way) {
        self.order(move |kafka| match way {
            Way::Killed => kafka.restart(node),
            Way::Frozen => kafka.thaw(node),
        })
        .await;
    }

    /// A broker goes away and comes back, and the others get time to have it among them again.
    pub(crate) async fn strike(self: &Arc<Self>, run: &Run, fault: Fault) {
        run.say(format!("{fault:?}"));
        self.take(fault.node, fault.way).await;
        tokio::time::sleep(fault.away).await;
        self.give_back(fault.node, fault.way).await;
        run.say(format!("broker {} is back", fault.node));
        tokio::time::sleep(fault.quiet).await;
    }
}

/// The schedule of a run: both ways of going away take turns, and at most one broker is away at a time.
pub(crate) fn faults(run: &Run) -> Vec<Fault> {
    let mut rng = run.choices(1);
    let mut millis = |(low, high)| Duration::from_millis(rng.u64(low..=high));
    let times: Vec<_> = (0..run.rounds).map(|_| (millis(AWAY), millis(LONG), millis(QUIET))).collect();
    let first = rng.bool();
    let fault = |(round, (away, long, quiet)): (usize, (Duration, Duration, Duration))| {
        let way = if (round % 2 == 0) == first { Way::Killed } else { Way::Frozen };
        let away = if rng.u8(0..6) == 0 { long } else { away };
        Fault { node: rng.u8(1..=BROKERS), way, away, quiet }
    };
    times.into_iter().enumerate().map(fault).collect()
}
