//! Frames relayed from one topic to another, while members and brokers come and go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use logmill_queue::{Append, Group, Partition, Queue, Topic};
use logmill_queue_kafka::KafkaQueue;
use tokio::task::JoinSet;

use crate::cluster::{Cluster, PARTITIONS};
use crate::crew::Crew;
use crate::frames;
use crate::member::Place;
use crate::relayed::Relays;
use crate::run::Run;

/// Frames that are there before the first member is.
const FIRST: u64 = 400;
/// Frames that come in at a time, and the pause behind them.
const BURST: usize = 8;
const PAUSE: Duration = Duration::from_millis(50);
/// Milliseconds between changes of the group, and while a broker is away.
const CHANGES: (u64, u64) = (500, 4_000);
const SLOWLY: (u64, u64) = (1_500, 6_000);
/// One member that nobody disturbs gets to the end within this time.
const QUIETLY: Duration = Duration::from_secs(240);

/// Frames keep coming in: the relays must not come to their end before the faults do.
struct Feeder {
    run: Arc<Run>,
    queue: Arc<KafkaQueue>,
    topic: Topic,
    numbers: AtomicU64,
    stop: AtomicBool,
}

impl Feeder {
    fn next(&self, partition: Partition) -> Append {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        frames::numbered(&self.run, &self.topic, partition, number)
    }

    /// What is in the topic afterwards is what counts, so that answers do not matter here.
    async fn feed(self: Arc<Self>) {
        let mut rng = self.run.choices(4);
        while !self.stop.load(Ordering::Relaxed) {
            let mut burst = JoinSet::new();
            for _ in 0..BURST {
                let (this, append) = (self.clone(), self.next(Partition(rng.u16(0..PARTITIONS))));
                burst.spawn(async move { drop(this.queue.append(append).await) });
            }
            burst.join_all().await;
            tokio::time::sleep(PAUSE).await;
        }
        self.end().await;
    }

    /// Behind these frames nothing arrives any more.
    async fn end(&self) {
        for partition in frames::partitions() {
            frames::store(&self.run, &*self.queue, self.next(partition)).await;
        }
    }
}

async fn filled(run: &Arc<Run>, cluster: &Cluster) -> Arc<Feeder> {
    let (queue, topic) = (cluster.queue(), frames::topic("in"));
    let (numbers, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let feeder = Arc::new(Feeder { run: run.clone(), queue, topic, numbers, stop });
    feeder.end().await;
    let mut first = JoinSet::new();
    for number in 0..FIRST {
        let feeder = feeder.clone();
        let partition = Partition(u16::try_from(number % u64::from(PARTITIONS)).unwrap());
        let append = feeder.next(partition);
        first.spawn(async move { frames::store(&feeder.run, &*feeder.queue, append).await });
    }
    first.join_all().await;
    feeder
}

/// One member, and no faults any more: it relays what is left.
async fn finish(run: &Arc<Run>, cluster: &Arc<Cluster>, place: Place, input: &Input) -> Arc<Relays> {
    let relays = Arc::new(Relays::new(run, "out"));
    let mut crew = Crew::new(run, cluster, place, relays.clone());
    crew.join();
    let arrived = async {
        while input.iter().any(|(partition, frames)| !relays.is_at(*partition, end(frames))) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let expected = format!("a quiet member relays all up to {:?}", input.iter().map(|(_, f)| end(f)));
    run.within(QUIETLY, &expected, arrived).await;
    crew.close().await;
    relays
}

/// What a topic holds, a partition.
type Input = Vec<(Partition, Vec<(u64, u64)>)>;

fn end(frames: &[(u64, u64)]) -> u64 {
    frames.last().map_or(0, |(offset, _)| offset + 1)
}

async fn held(run: &Run, queue: &dyn Queue, topic: &Topic) -> Input {
    let mut held = Vec::new();
    for partition in frames::partitions() {
        held.push((partition, frames::read(run, queue, topic, partition).await));
    }
    held
}

/// The run.
pub(crate) async fn run(run: Arc<Run>, cluster: Arc<Cluster>) {
    let feeder = filled(&run, &cluster).await;
    let place = Place { topic: feeder.topic.clone(), group: Group::new("relay").unwrap() };
    let relays = Arc::new(Relays::new(&run, "out"));
    let mut crew = Crew::new(&run, &cluster, place.clone(), relays.clone());
    crew.join();
    crew.join();
    let feeding = tokio::spawn(feeder.clone().feed());
    crew.endure(CHANGES, SLOWLY).await;
    feeder.stop.store(true, Ordering::Relaxed);
    feeding.await.unwrap();
    crew.abandon();
    let input = held(&run, &*feeder.queue, &feeder.topic).await;
    let last = finish(&run, &cluster, place.clone(), &input).await;
    judge(&run, &cluster, &place, &input).await;
    run.finish(&format!("{}; {}; at the end {}", crew.counts(), relays.counts(), last.counts()));
}

async fn judge(run: &Run, cluster: &Cluster, place: &Place, input: &Input) {
    let queue = cluster.queue();
    let output = held(run, &*queue, &frames::topic("out")).await;
    let numbers = |frames: &[(u64, u64)]| frames.iter().map(|(_, number)| *number).collect::<Vec<_>>();
    for ((partition, came), (_, went)) in input.iter().zip(&output) {
        let (came, went) = (numbers(came), numbers(went));
        compare(run, *partition, &came, &went);
    }
    let all: usize = input.iter().map(|(_, frames)| frames.len()).sum();
    eprintln!("relay: {all} frames came in");
    let depth = run.within(Duration::from_secs(30), "a depth", queue.depth(&place.topic, &place.group));
    let depth = depth.await.map(|depth| depth.frames);
    run.expect(matches!(depth, Ok(0)), || {
        format!("the group is at the input's end, not {depth:?} before it")
    });
}

fn compare(run: &Run, partition: Partition, came: &[u64], went: &[u64]) {
    if came == went {
        return;
    }
    let count = |of: &[u64], number: u64| of.iter().filter(|n| **n == number).count();
    let wrong = came.iter().chain(went).copied().filter(|n| count(went, *n) != count(came, *n));
    let wrong: std::collections::BTreeSet<u64> = wrong.collect();
    let at = came.iter().zip(went).position(|(a, b)| a != b).unwrap_or(came.len().min(went.len()));
    let shown: Vec<_> = wrong.iter().take(10).map(|n| (*n, count(went, *n))).collect();
    run.find(format!(
        "partition {partition}: {} frames came in and {} went out, which differ from the {at}th on; {} of them not once, such \
         as (number, times) {shown:?}",
        came.len(),
        went.len(),
        wrong.len(),
    ));
}
