//! Kafka: the topics that belong to logmill, and its groups. No topic is created.
//!
//! Kafka cannot remove single messages, and removing all up to one (`kafka-delete-records.sh`) would stop every reader that has
//! not come so far. So dropped letters stay, and a group's position says up to where they are dealt with: the same for
//! everybody who asks these brokers, and gone together with the topic. A file in the data folder would hold for one machine.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use logmill_queue::{
    CommitError, Committed, Delivery, Event, Frame, Group, Note, Offset, Partition, PartitionReader, Queue,
    QueueError, Start, StartError, Subscription, Topic,
};
use logmill_queue_kafka::KafkaQueue;
use logmill_world::World;
use tokio::runtime::Runtime;

use super::{Letters, Look, VisitFrame, VisitLetter};
use crate::exit::{Failure, IO, UNAVAILABLE};
use crate::serve::{log, parts, raw_batches};
use crate::settings::Settings;

/// What follows `web.topic` and `otlp.topic` in the names of the topics that belong to them: the batches, the dead letters, batches with a key
/// that wait for their turn, and the keys that are known.
const TOPICS: [&str; 4] = ["", ".dlq", ".keyed", ".keys"];
/// The group whose position says up to where the dead letters are dealt with.
const DROPPED: &str = "dlq";
/// Dead letters go to this partition, so that they have one order and a number each.
const LETTERS: Partition = Partition(0);
/// Longer than anything that passes by itself: a transaction whose owner died ends after 10 to 20 s.
const PATIENCE: Duration = Duration::from_secs(30);
/// A position that could not be told is asked for again after this.
const PAUSE: Duration = Duration::from_millis(200);
/// How long leaving a group may take.
const LEAVE: Duration = Duration::from_secs(5);

/// The brokers of the settings.
pub(super) struct Brokers<'a> {
    settings: &'a Settings,
    world: World,
    queue: Arc<KafkaQueue>,
    /// The same with payloads that lie in an object store.
    whole: Arc<dyn Queue>,
    runtime: Runtime,
    letters: Letters,
}

impl<'a> Brokers<'a> {
    pub(super) fn new(settings: &'a Settings, letters: Letters) -> anyhow::Result<Self> {
        let world = World::real();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let queue = log::open_to_look(&world, settings)?;
        let whole = raw_batches::around(settings, queue.clone())?;
        Ok(Self { settings, world, queue, whole, runtime, letters })
    }

    fn failed(&self, error: impl std::fmt::Display) -> Failure {
        let brokers = &self.settings.queue.kafka.brokers;
        Failure::new(UNAVAILABLE, format!("queue.kafka.brokers: {brokers}: {error}"))
    }

    /// Topic or group as it is called on the brokers, which is how Kafka's own tools want it.
    fn name(&self, name: impl std::fmt::Display) -> String {
        format!("{}{name}", self.settings.queue.kafka.topic_prefix)
    }

    /// Waits for an answer of the brokers, but not for ever.
    async fn answer<T, E: std::fmt::Display>(
        &self,
        asked: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            answer = asked => answer.map_err(|error| self.failed(error)),
            () = self.world.clock().sleep(PATIENCE) => {
                Err(self.failed(format_args!("no answer within {} s", PATIENCE.as_secs())))
            }
        }
    }

    fn absent(&self, topic: &Topic) -> Failure {
        self.failed(format_args!(
            "the topic {} does not exist; is queue.kafka.topic_prefix as it is where `logmill serve` runs?",
            self.name(topic)
        ))
    }

    async fn is_there(&self, topic: &Topic) -> Result<bool, Failure> {
        self.queue.is_there(topic).await.map_err(|error| self.failed(error))
    }

    /// The topics of logmill that exist.
    async fn topics(&self) -> anyhow::Result<Vec<Topic>> {
        let mut topics = Vec::new();
        let logs = [&self.settings.web.topic, &self.settings.otlp.topic];
        for (logs, suffix) in logs.into_iter().flat_map(|logs| TOPICS.map(|suffix| (logs, suffix))) {
            let topic = Topic::new(&format!("{logs}{suffix}"))?;
            if self.is_there(&topic).await? {
                topics.push(topic);
            }
        }
        if topics.is_empty() {
            return Err(self.absent(&Topic::new(&self.settings.web.topic)?).into());
        }
        Ok(topics)
    }

    async fn print_topics(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        for topic in self.topics().await? {
            let log = self.queue.log_id(&topic).map_err(|error| self.failed(error))?;
            written(writeln!(out, "topic {} {log}", self.name(&topic)))?;
            for partition in self.answer(self.queue.partitions(&topic)).await? {
                let (oldest, next) = self.answer(self.queue.bounds(&topic, partition)).await?;
                written(writeln!(out, "  partition {partition} offsets {oldest}..{next}"))?;
            }
        }
        Ok(())
    }

    async fn print_groups(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        for topic in self.topics().await? {
            written(writeln!(out, "topic {}", self.name(&topic)))?;
            for name in parts::SINKS.into_iter().chain([DROPPED]) {
                self.print_group(out, &topic, &parts::group(self.settings, name)?).await?;
            }
            // Who decides about keys is in a group that is called like its topic.
            self.print_group(out, &topic, &Group::new(topic.as_str())?).await?;
        }
        Ok(())
    }

    /// One line a partition, if the group ever read the topic.
    async fn print_group(&self, out: &mut dyn Write, topic: &Topic, group: &Group) -> anyhow::Result<()> {
        let committed = self.committed(topic, group).await?;
        if committed.is_empty() {
            return Ok(());
        }
        for (partition, lag) in self.answer(self.queue.lags(topic, group)).await? {
            let position = committed.iter().find(|(of, _)| *of == partition);
            let (at, note) = match position {
                Some((_, Committed { offset, note })) => (offset.to_string(), note.as_str()),
                None => ("none".to_owned(), ""),
            };
            let (group, topic, note) = (self.name(group), self.name(topic), note.trim_end());
            written(writeln!(out, "  group {group} {topic} {partition} at {at} lag {lag} note {note:?}"))?;
        }
        Ok(())
    }

    /// The positions of a group. While a transaction is open, or just after a coordinator has moved, they cannot be told.
    async fn committed(&self, topic: &Topic, group: &Group) -> Result<Vec<(Partition, Committed)>, Failure> {
        let until = self.world.clock().monotonic() + PATIENCE;
        loop {
            match self.queue.committed(topic, group).await {
                Err(_) if self.world.clock().monotonic() < until => self.world.clock().sleep(PAUSE).await,
                answer => return answer.map_err(|error| self.failed(error)),
            }
        }
    }

    async fn visit_frames(&self, topic: &Topic, visit: &mut VisitFrame<'_>) -> anyhow::Result<()> {
        if !self.is_there(topic).await? {
            return Err(self.absent(topic).into());
        }
        let log = self.queue.log_id(topic).map_err(|error| self.failed(error))?;
        for partition in self.answer(self.queue.partitions(topic)).await? {
            self.scan(topic, partition, Start::Oldest, &mut |frame| visit(log, partition, frame)).await?;
        }
        Ok(())
    }

    async fn scan(
        &self,
        topic: &Topic,
        partition: Partition,
        from: Start,
        visit: &mut VisitLetter<'_>,
    ) -> anyhow::Result<()> {
        let mut scan = self.answer::<_, StartError>(self.whole.scan(topic, partition, from)).await?;
        while let Some(delivery) = self.answer(scan.next()).await? {
            if let Delivery::Frame(frame) = delivery {
                written(visit(&frame))?;
            }
        }
        Ok(())
    }

    /// The topic of the dead letters; none if there was never one to write.
    async fn letters_topic(&self) -> anyhow::Result<Option<Topic>> {
        let Letters { source, topic } = &self.letters;
        if self.is_there(topic).await? {
            return Ok(Some(topic.clone()));
        }
        if self.is_there(source).await? { Ok(None) } else { Err(self.absent(source).into()) }
    }

    async fn visit_letters(&self, visit: &mut VisitLetter<'_>) -> anyhow::Result<()> {
        let Some(topic) = self.letters_topic().await? else { return Ok(()) };
        let committed = self.committed(&topic, &parts::group(self.settings, DROPPED)?).await?;
        let (oldest, end) = self.answer(self.queue.bounds(&topic, LETTERS)).await?;
        let mark = committed.iter().find(|(of, _)| *of == LETTERS).map(|(_, committed)| committed.offset);
        // A mark of which the topic knows nothing any more, or not yet, marks nothing.
        let from = mark.filter(|at| (oldest..=end).contains(at)).unwrap_or(oldest);
        let log = self.queue.log_id(&topic).map_err(|error| self.failed(error))?;
        self.scan(&topic, LETTERS, Start::At(log, from), visit).await
    }

    async fn find_letter(&self, number: Offset) -> anyhow::Result<Option<Frame>> {
        let Some(topic) = self.letters_topic().await? else { return Ok(None) };
        let (oldest, end) = self.answer(self.queue.bounds(&topic, LETTERS)).await?;
        if !(oldest..end).contains(&number) {
            return Ok(None);
        }
        let log = self.queue.log_id(&topic).map_err(|error| self.failed(error))?;
        let from = Start::At(log, number);
        let mut scan = self.answer::<_, StartError>(self.whole.scan(&topic, LETTERS, from)).await?;
        let first = self.answer(scan.next()).await?;
        Ok(first.and_then(|delivery| match delivery {
            Delivery::Frame(frame) => Some(frame).filter(|frame| frame.offset == number),
            Delivery::Damaged { .. } => None,
        }))
    }

    /// Moves the position of the group that stands for the dropped letters, as one of its members.
    async fn mark(&self, upto: Offset) -> anyhow::Result<()> {
        let group = parts::group(self.settings, DROPPED)?;
        let mut membership = self.answer(self.queue.subscribe(&self.letters.topic, &group, 0)).await?;
        let mut reader = self.answer(owned(&mut *membership)).await?;
        let committed = self.answer::<_, CommitError>(reader.commit(upto, &Note::default())).await;
        reader.release();
        self.answer(membership.close(LEAVE)).await?;
        Ok(committed?)
    }
}

/// Waits until the partition of the letters is ours.
async fn owned(membership: &mut dyn Subscription) -> Result<Box<dyn PartitionReader>, QueueError> {
    loop {
        if let Event::Assigned(reader) = membership.next().await? {
            if reader.lease().partition == LETTERS {
                return Ok(reader);
            }
            reader.release();
        }
    }
}

fn written(result: io::Result<()>) -> Result<(), Failure> {
    result.map_err(|error| Failure::new(IO, format!("standard output: {error}")))
}

impl Look for Brokers<'_> {
    fn inspect(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        self.runtime.block_on(self.print_topics(out))
    }

    fn groups(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        self.runtime.block_on(self.print_groups(out))
    }

    fn frames(&self, topic: &Topic, visit: &mut VisitFrame<'_>) -> anyhow::Result<()> {
        self.runtime.block_on(self.visit_frames(topic, visit))
    }

    fn letters(&self, visit: &mut VisitLetter<'_>) -> anyhow::Result<()> {
        self.runtime.block_on(self.visit_letters(visit))
    }

    fn letter(&self, number: Offset) -> anyhow::Result<Option<Frame>> {
        self.runtime.block_on(self.find_letter(number))
    }

    fn drop_letters(&self, upto: Offset) -> anyhow::Result<()> {
        // A position is the next one to read.
        self.runtime.block_on(self.mark(upto + 1))
    }
}
