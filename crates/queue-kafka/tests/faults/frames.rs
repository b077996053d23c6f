//! Frames with a number, which can be told from all others byte by byte, and reading them back.

use std::time::Duration;

use bytes::Bytes;
use logmill_queue::{
    Append, AppendError, Appended, Delivery, Encoding, Frame, Header, LogId, Offset, Partition, Position,
    Queue, QueueError, Route, Start, Topic,
};

use crate::cluster::PARTITIONS;
use crate::run::Run;

/// A frame that must arrive does so within this time after the brokers are back.
const ARRIVES: Duration = Duration::from_secs(90);
/// A partition is read to its end within this time, transactions that are still open included.
const READ: Duration = Duration::from_secs(180);
/// Bytes of the checksum at a payload's end.
const SUM: usize = 16;

/// A topic by its name.
pub(crate) fn topic(name: &str) -> Topic {
    Topic::new(name).unwrap()
}

/// All partitions of a topic.
pub(crate) fn partitions() -> impl Iterator<Item = Partition> {
    (0..PARTITIONS).map(Partition)
}

fn header(number: u64) -> Header {
    let mut header = Header::new(Encoding::OPAQUE, 1, i64::try_from(number).unwrap());
    header.batch_id = u128::from(number).to_be_bytes();
    header.customer = format!("customer-{}", number % 7);
    header.attributes = vec![("number".to_owned(), Bytes::from(number.to_string()))];
    header
}

/// The number, some bytes that only it and the seed have, and a checksum over both.
fn payload(seed: u64, number: u64) -> Bytes {
    let mut rng = fastrand::Rng::with_seed(seed ^ number.rotate_left(32));
    let mut bytes = number.to_be_bytes().to_vec();
    let length = rng.usize(0..1_000);
    bytes.extend(std::iter::repeat_with(|| rng.u8(..)).take(length));
    let sum = blake3::hash(&bytes);
    bytes.extend(&sum.as_bytes()[..SUM]);
    bytes.into()
}

/// The frame of this number.
pub(crate) fn numbered(run: &Run, topic: &Topic, partition: Partition, number: u64) -> Append {
    let (header, payload) = (header(number), payload(run.seed, number));
    Append { topic: topic.clone(), route: Route::To(partition), header, payload }
}

/// The number of a frame that is as it was made. Attributes behind the first may have been added on its way, and one with a
/// key has an arrival of its own; as a dead letter it has the letter's.
pub(crate) fn number(run: &Run, frame: &Frame) -> Result<u64, String> {
    let bad = |what: &str| Err(format!("offset {}: {what}", frame.offset));
    let Some((body, sum)) = frame.payload.split_last_chunk::<SUM>() else { return bad("too short") };
    if blake3::hash(body).as_bytes()[..SUM] != *sum {
        return bad("the checksum is wrong");
    }
    let Some(number) = body.first_chunk().map(|first| u64::from_be_bytes(*first)) else {
        return bad("no number");
    };
    let mut as_sent = frame.header.clone();
    let made = header(number);
    if as_sent.key.take().is_some() {
        (as_sent.received_at, as_sent.attributes) = (made.received_at, made.attributes.clone());
    }
    as_sent.attributes.truncate(1);
    if frame.payload != payload(run.seed, number) || as_sent != made {
        return bad("altered, or from another run");
    }
    Ok(number)
}

/// Appends a frame until it is answered `Ok`. An attempt whose outcome is unknown may store it as well.
pub(crate) async fn store(run: &Run, queue: &dyn Queue, append: Append) -> (Position, u32) {
    let stored = async {
        let mut tries = 0;
        loop {
            tries += 1;
            match queue.append(append.clone()).await {
                Ok(Appended::New(position)) => return (position, tries),
                Ok(other) => panic!("a frame without a key was answered {other:?}"),
                Err(AppendError::Refused(_) | AppendError::Unknown(_) | AppendError::InFlight) => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    };
    run.within(ARRIVES, "brokers that are back store a frame", stored).await
}

/// What a partition holds, each with its offset. Frames that are not as they were made are findings.
pub(crate) async fn read(
    run: &Run,
    queue: &dyn Queue,
    topic: &Topic,
    partition: Partition,
) -> Vec<(Offset, u64)> {
    let all = async {
        loop {
            match try_read(queue, topic, partition).await {
                Ok(frames) => return frames,
                Err(_) => tokio::time::sleep(Duration::from_millis(500)).await,
            }
        }
    };
    let expected = format!("{topic}/{partition} can be read to its end");
    let frames = run.within(READ, &expected, all).await;
    let mut found = Vec::with_capacity(frames.len());
    for frame in frames {
        match number(run, &frame) {
            Ok(number) => found.push((frame.offset, number)),
            Err(reason) => run.find(format!("{topic}/{partition}: {reason}")),
        }
    }
    found
}

async fn try_read(queue: &dyn Queue, topic: &Topic, partition: Partition) -> Result<Vec<Frame>, QueueError> {
    let failed = |error: logmill_queue::StartError| {
        QueueError::new(logmill_queue::Class::Unavailable, error.to_string())
    };
    let mut scan = queue.scan(topic, partition, Start::Oldest).await.map_err(failed)?;
    let mut frames = Vec::new();
    while let Some(delivery) = scan.next().await? {
        match delivery {
            Delivery::Frame(frame) => frames.push(frame),
            Delivery::Damaged { from, to, .. } => panic!("Kafka has no damage, but told of {from}..{to}"),
        }
    }
    Ok(frames)
}

/// The log of a topic that was asked for before.
pub(crate) fn log(queue: &dyn Queue, topic: &Topic) -> LogId {
    queue.log_id(topic).unwrap()
}
