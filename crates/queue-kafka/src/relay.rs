//! Outputs and the position they came from in one transaction.
//!
//! The transactional id names group, topic and partition, so that whoever gets the partition next ends the transaction
//! of the one before at once, instead of waiting for its time to run out.

use std::sync::{Arc, Mutex, PoisonError};

use logmill_queue::{
    Append, Class, CommitError, Committed, Group, Note, Offset, Partition, PartitionReader, QueueError,
};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use tokio::sync::oneshot;

use crate::blocking::blocking;
use crate::config::{KafkaConfig, REQUEST};
use crate::error::{code, commit_error};
use crate::member::{Command, Reader, position};
use crate::message::{self, Outgoing};
use crate::queue::Shared;

/// A commit whose answer was lost is repeated so often before its producer is given up.
const REPEATS: u32 = 3;

/// An output as it goes out.
struct Output {
    topic: String,
    partition: Partition,
    message: Outgoing,
}

/// What became of a transaction, as far as its producer knows.
enum Ended {
    /// It is committed.
    Committed,
    /// It is aborted; nothing of it counts.
    Aborted(RDKafkaErrorCode),
    /// The answer was lost. The position tells, once a new producer has settled it.
    Open(RDKafkaErrorCode),
}

/// The relay of one partition.
pub(crate) struct Relay {
    config: KafkaConfig,
    id: String,
    producer: Mutex<Option<BaseProducer<DefaultProducerContext>>>,
}

impl Relay {
    pub(crate) fn new(shared: &Shared, group: &Group, topic: &str, partition: Partition) -> Self {
        // No name has a colon in it.
        let id = format!("{}:{topic}:{partition}", shared.config.name(group.as_str()));
        Self { config: shared.config.clone(), id, producer: Mutex::default() }
    }

    /// Stores `out` and moves the position. With the same position and note as are committed already, an answer that was
    /// lost stays unknown.
    pub(crate) async fn run(
        self: &Arc<Self>,
        reader: &Reader,
        out: Vec<Append>,
        upto: Offset,
        note: &Note,
    ) -> Result<(), CommitError> {
        let outputs = outputs(&reader.shared, out).await.map_err(CommitError::Unavailable)?;
        let (reply, metadata) = oneshot::channel();
        reader.commands.send(Command::Metadata { lease: reader.lease().clone(), reply });
        let Some(metadata) = metadata.await.ok().flatten() else { return Err(CommitError::Fenced) };
        let to = position(&reader.topic, reader.lease.partition, upto, note.as_str())
            .map_err(|e| CommitError::Unavailable(failed(Class::Bug, e)))?;
        let relay = self.clone();
        let ended = blocking(move || Ok(relay.attempt(&outputs, &to, &metadata))).await;
        match ended.map_err(CommitError::Unknown)? {
            Ok(Ended::Committed) => Ok(()),
            Ok(Ended::Aborted(code)) => Err(aborted(code, reader)),
            Ok(Ended::Open(code)) => self.settle(reader, upto, note, code).await,
            Err(error) => Err(CommitError::Unavailable(failed(Class::Unavailable, error))),
        }
    }

    /// A new producer ends the transaction, one way or the other; the position tells which.
    async fn settle(
        self: &Arc<Self>,
        reader: &Reader,
        upto: Offset,
        note: &Note,
        code: RDKafkaErrorCode,
    ) -> Result<(), CommitError> {
        self.take_over().await.map_err(CommitError::Unknown)?;
        let found = reader.position().await.map_err(CommitError::Unknown)?;
        if found == Some(Committed { offset: upto, note: note.clone() }) {
            Ok(())
        } else {
            Err(aborted(code, reader))
        }
    }

    /// Ends whatever transaction is open under this id, one way or the other.
    pub(crate) async fn take_over(self: &Arc<Self>) -> Result<(), QueueError> {
        let relay = self.clone();
        blocking(move || relay.renew().map_err(|e| failed(Class::Unavailable, e))).await
    }

    fn renew(&self) -> KafkaResult<()> {
        let mut producer = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        *producer = None;
        self.ready(&mut producer).map(drop)
    }

    fn ready<'a>(
        &self,
        producer: &'a mut Option<BaseProducer<DefaultProducerContext>>,
    ) -> KafkaResult<&'a BaseProducer<DefaultProducerContext>> {
        if producer.is_none() {
            let new: BaseProducer<DefaultProducerContext> = self.config.transactional(&self.id).create()?;
            new.init_transactions(REQUEST)?;
            *producer = Some(new);
        }
        producer.as_ref().ok_or(KafkaError::Canceled)
    }

    /// Waits for brokers; not for threads of the runtime. An error means that nothing was begun.
    fn attempt(
        &self,
        outputs: &[Output],
        to: &TopicPartitionList,
        metadata: &ConsumerGroupMetadata,
    ) -> KafkaResult<Ended> {
        let mut slot = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        let producer = self.ready(&mut slot)?;
        if let Err(error) = producer.begin_transaction() {
            // Somebody else took the id over, or it is broken: the next attempt makes it anew.
            *slot = None;
            return Err(error);
        }
        let sent = send(producer, outputs)
            .and_then(|()| producer.send_offsets_to_transaction(to, metadata, REQUEST));
        let ended = match sent {
            Ok(()) => commit(producer),
            Err(error) => abort(producer, &error),
        };
        if matches!(ended, Ended::Open(_)) {
            *slot = None;
        }
        Ok(ended)
    }
}

async fn outputs(shared: &Shared, out: Vec<Append>) -> Result<Vec<Output>, QueueError> {
    let mut outputs = Vec::with_capacity(out.len());
    for append in out {
        let topic = shared.topics.open(&append.topic).await?;
        let message = message::outgoing(&append, shared.config.max_payload, &topic)?;
        let partition = shared.place(&topic, append.route)?;
        outputs.push(Output { topic: topic.name.clone(), partition, message });
    }
    Ok(outputs)
}

fn send(producer: &BaseProducer<DefaultProducerContext>, outputs: &[Output]) -> KafkaResult<()> {
    for output in outputs {
        let mut record = BaseRecord::<str, [u8]>::to(&output.topic)
            .partition(i32::from(output.partition.0))
            .payload(&output.message.payload)
            .headers(output.message.headers.clone());
        record.key = output.message.key.as_deref();
        while let Err((error, again)) = producer.send(record) {
            if code(&error) != RDKafkaErrorCode::QueueFull {
                return Err(error);
            }
            // librdkafka holds no more; what it holds goes out first.
            producer.flush(REQUEST)?;
            record = again;
        }
    }
    // An output that is refused makes the transaction's end fail, with the reason.
    producer.flush(REQUEST)
}

fn commit(producer: &BaseProducer<DefaultProducerContext>) -> Ended {
    let mut last = RDKafkaErrorCode::Unknown;
    for _ in 0..REPEATS {
        match producer.commit_transaction(REQUEST) {
            Ok(()) => return Ended::Committed,
            Err(KafkaError::Transaction(error)) if error.txn_requires_abort() => {
                return abort(producer, &KafkaError::Transaction(error));
            }
            Err(KafkaError::Transaction(error)) if error.is_retriable() => last = error.code(),
            Err(error) => return Ended::Open(code(&error)),
        }
    }
    Ended::Open(last)
}

fn abort(producer: &BaseProducer<DefaultProducerContext>, cause: &KafkaError) -> Ended {
    match producer.abort_transaction(REQUEST) {
        Ok(()) => Ended::Aborted(code(cause)),
        Err(_) => Ended::Open(code(cause)),
    }
}

fn failed(class: Class, error: KafkaError) -> QueueError {
    QueueError::caused(class, "a transaction failed", error)
}

/// Nothing of the transaction counts, so that what would be unknown of a plain commit is known here.
fn aborted(code: RDKafkaErrorCode, reader: &Reader) -> CommitError {
    match commit_error(code, reader.lease()) {
        CommitError::Unknown(error) => CommitError::Unavailable(error),
        other => other,
    }
}
