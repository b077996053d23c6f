//! A frame as a Kafka message: the batch's id is the key, the payload the value, the header one message header.

use bytes::Bytes;
use logmill_queue::header::{self, Unreadable};
use logmill_queue::{Append, Class, Encoding, Frame, Header, QueueError, batch_id_text};
use rdkafka::Message;
use rdkafka::message::{BorrowedMessage, Header as Named, Headers, OwnedHeaders};

use crate::topics::Known;

/// The message header that holds the frame's.
const NAME: &str = "lm";

/// A message on its way out.
pub(crate) struct Outgoing {
    pub key: Option<String>,
    pub payload: Bytes,
    pub headers: OwnedHeaders,
}

/// The message of a frame.
///
/// # Errors
/// The frame is larger than the queue takes; nothing of it may be sent.
pub(crate) fn outgoing(append: &Append, max_payload: u32, topic: &Known) -> Result<Outgoing, QueueError> {
    let invalid = |reason: String| QueueError::new(Class::Invalid, reason);
    if append.payload.len() as u64 > u64::from(max_payload) {
        return Err(invalid(format!(
            "the payload is larger than the {max_payload} bytes that the queue takes"
        )));
    }
    let bytes = header::encode(&append.header).map_err(|e| invalid(e.to_string()))?;
    let all = (append.payload.len() + bytes.len()) as u64;
    if all > topic.max_message {
        let (name, max) = (&topic.name, topic.max_message);
        return Err(invalid(format!(
            "the batch is too large: it has {all} bytes with its header, the topic {name} takes {max}; raise it: \
             kafka-configs.sh --alter --topic {name} --add-config max.message.bytes={all}, then start logmill again"
        )));
    }
    let headers = OwnedHeaders::new_with_capacity(1).insert(Named { key: NAME, value: Some(&bytes) });
    let id = &append.header.batch_id;
    let key = (*id != [0; 16]).then(|| batch_id_text(id));
    Ok(Outgoing { key, payload: append.payload.clone(), headers })
}

/// The frame of a message. One that logmill did not write is a frame of opaque bytes, so that it goes to the dead letters
/// with its bytes instead of being passed over.
///
/// # Errors
/// A newer logmill wrote it; this one must not guess.
pub(crate) fn frame(message: &BorrowedMessage<'_>) -> Result<Frame, QueueError> {
    let offset = u64::try_from(message.offset()).unwrap_or_default();
    let payload = Bytes::copy_from_slice(message.payload().unwrap_or_default());
    let header = match ours(message) {
        Some(bytes) => match header::decode(bytes) {
            Ok(header) => header,
            Err(Unreadable::Malformed) => foreign(message),
            Err(error @ Unreadable::Version(_)) => {
                return Err(QueueError::caused(Class::Unavailable, format!("offset {offset}"), error));
            }
        },
        None => foreign(message),
    };
    Ok(Frame { offset, header, payload })
}

fn ours<'a>(message: &'a BorrowedMessage<'_>) -> Option<&'a [u8]> {
    message.headers()?.iter().find(|header| header.key == NAME)?.value
}

fn foreign(message: &BorrowedMessage<'_>) -> Header {
    let at = message.timestamp().to_millis().unwrap_or_default();
    Header::new(Encoding::OPAQUE, 1, at.saturating_mul(1000))
}
