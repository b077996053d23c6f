//! What stands in the queue in the place of a payload: the event `batch-ingested`, as JSON for everybody.

use bytes::Bytes;
use logmill_model::Timestamp;
use logmill_queue::{Encoding, Header, batch_id_text};
use serde_json::{Value, json};

/// The longest event in bytes: a queue below has to take at least this.
pub const MAX_EVENT: u64 = 8 << 10;

/// Added to the encoding of a payload that lies elsewhere. Part of the stored format.
const ELSEWHERE: u8 = 0x80;

/// A digest of a payload.
pub(crate) type Sha256 = [u8; 32];

/// Where a payload lies, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// `s3://bucket/path`.
    pub location: String,
    /// Its length.
    pub bytes: u64,
    pub sha256: Sha256,
}

/// The encoding of a reference to a payload of this one.
pub(crate) fn elsewhere(encoding: Encoding) -> Encoding {
    Encoding(encoding.0 | ELSEWHERE)
}

/// The encoding of the payload that is referred to; none if the payload itself is there.
pub(crate) fn referred(encoding: Encoding) -> Option<Encoding> {
    (encoding.0 & ELSEWHERE != 0).then_some(Encoding(encoding.0 & !ELSEWHERE))
}

impl Reference {
    /// The event of a batch with this header.
    pub(crate) fn event(&self, header: &Header) -> Bytes {
        let span = header.span;
        let event = json!({
            "batchId": batch_id_text(&header.batch_id),
            "customer": header.customer,
            "location": self.location,
            "records": header.count,
            "bytes": self.bytes,
            "sha256": hex(&self.sha256),
            "minTimestamp": span.and_then(|(first, _)| time(first)),
            "maxTimestamp": span.and_then(|(_, last)| time(last)),
            "receivedAt": time(header.received_at),
        });
        event.to_string().into()
    }

    /// What an event refers to; none if it is no event of ours.
    pub(crate) fn read(event: &[u8]) -> Option<Self> {
        let event: Value = serde_json::from_slice(event).ok()?;
        let location = event["location"].as_str()?.to_owned();
        Some(Self { location, bytes: event["bytes"].as_u64()?, sha256: unhex(event["sha256"].as_str()?)? })
    }
}

/// RFC 3339 in UTC with microseconds; none outside of the years 1970 to 9999.
fn time(micros: i64) -> Option<String> {
    let micros = u64::try_from(micros).ok()?;
    let nanos = u32::try_from(micros % 1_000_000 * 1000).ok()?;
    let mut text = Vec::with_capacity(27);
    Timestamp::new(micros / 1_000_000, nanos)?.write(6, &mut text);
    String::from_utf8(text).ok()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Sha256> {
    let mut digest = Sha256::default();
    if text.len() != 2 * digest.len() || !text.is_ascii() {
        return None;
    }
    for (at, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(digest)
}
