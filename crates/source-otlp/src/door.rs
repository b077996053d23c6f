//! A request from its body to the queue, the same for both protocols.

use std::sync::Arc;

use bytes::Bytes;
use logmill_http::{BatchId, Intake, hash_of};
use logmill_otlp::{ENCODING, Summary, check, split, to_protobuf};
use logmill_queue::{Append, AppendError, Appended, Encoding, Header, Key, Queue, Route};
use logmill_world::World;

use crate::config::OtlpConfig;
use crate::fault::Fault;
use crate::metrics::OtlpMetrics;

/// Checking a larger body would keep an I/O thread from its other connections for too long.
const OFF_THREAD: usize = 512 * 1024;
/// The same for JSON, which is made into protobuf.
const OFF_THREAD_JSON: usize = 64 * 1024;

/// How a request is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Protobuf,
    Json,
}

/// Everything that both protocols need.
pub struct OtlpLogs {
    pub(crate) world: World,
    queue: Arc<dyn Queue>,
    pub(crate) intake: Arc<Intake>,
    config: OtlpConfig,
    pub(crate) metrics: OtlpMetrics,
}

impl OtlpLogs {
    /// A source that appends to `queue`.
    #[must_use]
    pub fn new(
        world: World,
        queue: Arc<dyn Queue>,
        intake: Arc<Intake>,
        config: OtlpConfig,
        metrics: OtlpMetrics,
    ) -> Arc<Self> {
        Arc::new(Self { world, queue, intake, config, metrics })
    }

    /// Checks a request and stores it; answers the records that are new.
    pub(crate) async fn take(
        &self,
        wire: Wire,
        body: Bytes,
        key: Option<&str>,
        received_at: i64,
    ) -> Result<u32, Fault> {
        let (body, summary) = self.check(wire, body).await?;
        // A request without records is nothing to store, nor to remember.
        if summary.records == 0 {
            return Ok(0);
        }
        self.store(body, summary, key, received_at).await
    }

    async fn check(&self, wire: Wire, body: Bytes) -> Result<(Bytes, Summary), Fault> {
        let (limits, most_records) = (self.config.limits, self.config.max_records);
        let is_large = body.len() >= if wire == Wire::Json { OFF_THREAD_JSON } else { OFF_THREAD };
        let look = move || -> Result<(Bytes, Summary), Fault> {
            let body = match wire {
                Wire::Protobuf => body,
                Wire::Json => Bytes::from(to_protobuf(&body, &limits)?),
            };
            let summary = check(&body, &limits)?;
            if summary.records > u64::from(most_records) {
                let records = summary.records;
                return Err(Fault::TooLarge(format!(
                    "the request has {records} records, at most {most_records} are taken \
                     (setting `limits.max_batch_records`)"
                )));
            }
            Ok((body, summary))
        };
        if !is_large {
            return look();
        }
        tokio::task::spawn_blocking(look).await.unwrap_or_else(|error| {
            tracing::error!(%error, "checking a request failed");
            Err(Fault::Invalid("the request cannot be checked".to_owned()))
        })
    }

    async fn store(
        &self,
        body: Bytes,
        summary: Summary,
        key: Option<&str>,
        received_at: i64,
    ) -> Result<u32, Fault> {
        let id = BatchId::of(&self.world, &[b"otlp"], key);
        if body.len() as u64 <= self.queue.limits().max_payload {
            return self.append(id, body, summary, received_at).await;
        }
        self.store_parts(id, &body, received_at).await
    }

    /// Stores a request that is larger than a frame of the log may be as several. They are not one step: when one fails after
    /// others were stored, the outcome is unknown, and only a key keeps a repetition from being stored twice.
    async fn store_parts(&self, id: BatchId, body: &Bytes, received_at: i64) -> Result<u32, Fault> {
        let most = usize::try_from(self.queue.limits().max_payload).unwrap_or(usize::MAX);
        let mut stored = 0;
        for (at, part) in split(body, most, &self.config.limits)?.into_iter().enumerate() {
            let summary = check(&part.bytes, &self.config.limits)?;
            let number = (at as u64).to_le_bytes();
            let id = BatchId {
                bytes: hash_of(&[&id.bytes, &number]),
                key: id.key.map(|key| hash_of(&[&key, &number])),
            };
            let appended = self.append(id, Bytes::from(part.bytes), summary, received_at).await;
            stored += appended.map_err(|fault| if at == 0 { fault } else { Fault::half_stored(fault) })?;
        }
        Ok(stored)
    }

    async fn append(
        &self,
        id: BatchId,
        body: Bytes,
        summary: Summary,
        received_at: i64,
    ) -> Result<u32, Fault> {
        let records = u32::try_from(summary.records).unwrap_or(u32::MAX);
        let mut header = Header::new(Encoding(ENCODING), records, received_at);
        header.span = summary.span.map(|(first, last)| (micros(first), micros(last)));
        header.batch_id = id.bytes;
        header.key = id.key.map(|hash| Key { hash, digest: hash_of(&[&[ENCODING], &body]) });
        let (topic, route) = (self.config.topic.clone(), Route::Hash(id.route()));
        let append = Append { topic, route, header, payload: body };
        let appended: Result<Appended, AppendError> = self.queue.append(append).await;
        match appended? {
            Appended::New(_) | Appended::Undecided(_) => Ok(records),
            Appended::Duplicate { .. } => Ok(0),
            Appended::Conflict => Err(Fault::Conflict),
        }
    }
}

/// Nanoseconds since 1970 as microseconds.
fn micros(nanos: u64) -> i64 {
    i64::try_from(nanos / 1000).unwrap_or(i64::MAX)
}
