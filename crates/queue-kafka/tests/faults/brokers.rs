//! Appends while brokers are killed, frozen and come back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use logmill_queue::{Partition, Queue, Topic};
use logmill_queue_kafka::KafkaQueue;
use tokio::task::JoinSet;

use crate::cluster::{self, Cluster, PARTITIONS, Way};
use crate::frames;
use crate::run::Run;
use crate::sent::{Answer, Book};

const WRITERS: u64 = 8;
/// Appends that a writer has under way at a time.
const BURST: usize = 16;
const PAUSE: Duration = Duration::from_millis(50);
const REFUSED: Duration = Duration::from_millis(300);
/// An append answers after 10 s; the rest is for a machine that is busy.
const ANSWERS: Duration = Duration::from_secs(25);
/// Two brokers are away for so long: appends must become unknown first, and then be refused.
const DARK: Duration = Duration::from_secs(13);

struct Writers {
    run: Arc<Run>,
    queue: Arc<KafkaQueue>,
    topic: Topic,
    book: Book,
    numbers: AtomicU64,
    stop: AtomicBool,
    /// Grows when the second broker goes and before one comes back: odd while two are away.
    darkness: AtomicU64,
}

impl Writers {
    async fn write(self: Arc<Self>, writer: u64) {
        let mut rng = self.run.choices(100 + writer);
        while !self.stop.load(Ordering::Relaxed) {
            let mut burst = JoinSet::new();
            for _ in 0..rng.usize(1..=BURST) {
                burst.spawn(self.clone().append(Partition(rng.u16(0..PARTITIONS))));
            }
            let answers = burst.join_all().await;
            let refused = answers.contains(&Answer::Refused);
            tokio::time::sleep(if refused { REFUSED } else { PAUSE }).await;
        }
    }

    async fn append(self: Arc<Self>, partition: Partition) -> Answer {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let append = frames::numbered(&self.run, &self.topic, partition, number);
        let before = self.darkness.load(Ordering::SeqCst);
        let answer = self.run.within(ANSWERS, "an append is answered", self.queue.append(append)).await;
        let after = self.darkness.load(Ordering::SeqCst);
        // What was stored before the second broker went may be answered behind it.
        let is_dark = after % 2 == 1 && (answer.is_err() || before == after);
        self.book.enter((number, partition), answer, is_dark)
    }

    /// Every partition takes frames again. A frame that is stored has all of its partition before it that librdkafka
    /// still had: from now on nothing arrives late.
    async fn settle(self: &Arc<Self>) {
        for partition in frames::partitions() {
            let stored = async {
                while !matches!(self.clone().append(partition).await, Answer::Stored(_)) {
                    tokio::time::sleep(REFUSED).await;
                }
            };
            let expected = format!("partition {partition} takes frames once the brokers are back");
            self.run.within(Duration::from_secs(90), &expected, stored).await;
        }
    }

    /// Two of three are away: nothing can be durable, and nothing may say that it is.
    async fn darken(self: &Arc<Self>, cluster: &Arc<Cluster>) {
        let mut rng = self.run.choices(2);
        let spared = rng.u8(1..=3);
        let way = if rng.bool() { Way::Killed } else { Way::Frozen };
        let nodes: Vec<u8> = (1..=3).filter(|node| *node != spared).collect();
        for node in &nodes {
            cluster.take(*node, way).await;
        }
        self.darkness.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(DARK).await;
        self.darkness.fetch_add(1, Ordering::SeqCst);
        for node in &nodes {
            cluster.give_back(*node, way).await;
        }
        self.settle().await;
        let dark = self.book.dark();
        self.run.expect(dark.stored == 0 && dark.unknown > 0 && dark.refused > 0, || {
            format!(
                "while two brokers were away ({way:?}): unknown and refused, never stored; it was {dark:?}"
            )
        });
    }

    async fn judge(&self, cluster: &Cluster) {
        // Another handle: what the writing one knows must not help.
        let queue = cluster.queue();
        let mut found = BTreeMap::new();
        for partition in frames::partitions() {
            found.insert(partition, frames::read(&self.run, &*queue, &self.topic, partition).await);
        }
        let counts = self.book.judge(&self.run, frames::log(&*queue, &self.topic), &found);
        let (dark, reasons) = (self.book.dark(), self.book.reasons());
        self.run.finish(&format!("{counts:?}, two away: {dark:?}{reasons}"));
    }
}

/// The run.
pub(crate) async fn run(run: Arc<Run>, cluster: Arc<Cluster>) {
    let (queue, topic) = (cluster.queue(), frames::topic("written"));
    let asked = async {
        while queue.check(&topic).await.is_err() {
            tokio::time::sleep(REFUSED).await;
        }
    };
    run.within(Duration::from_secs(60), "the topic can be made", asked).await;
    let writers = Arc::new(Writers {
        run: run.clone(),
        queue,
        topic,
        book: Book::default(),
        numbers: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        darkness: AtomicU64::new(0),
    });
    let mut tasks = JoinSet::new();
    for writer in 0..WRITERS {
        tasks.spawn(writers.clone().write(writer));
    }
    for fault in cluster::faults(&run) {
        run.next_round();
        cluster.strike(&run, fault).await;
    }
    writers.darken(&cluster).await;
    writers.stop.store(true, Ordering::Relaxed);
    tasks.join_all().await;
    writers.settle().await;
    writers.judge(&cluster).await;
}
