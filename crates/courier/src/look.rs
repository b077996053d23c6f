//! Which streams have enough or old enough records behind their offset.
//!
//! Nothing here reads records that were delivered: docs/clickhouse-experiments.md has what was tried.

use std::collections::HashMap;
use std::time::Duration;

use logmill_queue::QueueError;
use serde::Deserialize;

use crate::claim::Stream;
use crate::clickhouse::{ClickHouse, Statement};
use crate::columns::quoted;

/// When a stream is ready, and which streams are ours.
#[derive(Clone, Copy, Debug)]
pub struct Readiness {
    /// With so many records (`courier.count_threshold`).
    pub records: u64,
    /// Or when the oldest one is older than this (`courier.time_threshold`).
    pub age: Duration,
    /// Records that are younger are left alone (`courier.processing_delay`).
    pub delay: Duration,
    /// Streams of a look, the oldest first (`courier.max_buckets`).
    pub most: usize,
    /// Sessions whose number leaves this (`courier.instance.id`) …
    pub instance: u16,
    /// … when divided by this (`courier.instance.total`), at least 1.
    pub instances: u16,
}

/// A stream that is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// Which one.
    pub stream: Stream,
    /// No record of it that is behind its offset was inserted before this second since 1970.
    pub since: u32,
}

/// A stream whose last place stands behind its offset.
#[derive(Debug, Deserialize)]
struct News {
    bucket: String,
    session: u16,
    since: u32,
    /// From here on records are counted; older ones are old enough.
    recent: u32,
    now: u32,
}

/// What is behind the offset of a stream.
#[derive(Debug, Deserialize)]
struct Behind {
    bucket: String,
    session: u16,
    records: u64,
    oldest: u32,
}

/// The streams that are ready, the oldest first. All times are those of the server.
///
/// # Errors
/// ClickHouse does not say.
pub async fn look(clickhouse: &ClickHouse, readiness: &Readiness) -> Result<Vec<Ready>, QueueError> {
    let news: Vec<News> = clickhouse.rows(&whose(clickhouse, readiness)).await?;
    let recent = news.iter().filter(|news| news.since >= news.recent);
    let from = recent.clone().map(|news| news.since).min();
    let behind = match (from, news.first()) {
        (Some(from), Some(News { now, .. })) => {
            let to = now.saturating_sub(seconds(readiness.delay));
            clickhouse.rows(&how_many(clickhouse, readiness, from, to)).await?
        }
        _ => Vec::new(),
    };
    Ok(ready(readiness, news, behind))
}

fn ready(readiness: &Readiness, news: Vec<News>, behind: Vec<Behind>) -> Vec<Ready> {
    let behind: HashMap<(String, u16), (u64, u32)> =
        behind.into_iter().map(|one| ((one.bucket, one.session), (one.records, one.oldest))).collect();
    let mut ready: Vec<(u32, Ready)> = Vec::new();
    for News { bucket, session, since, recent, now } in news {
        let stream = (bucket, session);
        let oldest = if since < recent {
            Some(since)
        } else {
            let (records, oldest) = behind.get(&stream).copied().unwrap_or_default();
            let is_old = records > 0 && now.saturating_sub(oldest) > seconds(readiness.age);
            (records >= readiness.records || is_old).then_some(oldest)
        };
        let (bucket, session) = stream;
        ready.extend(oldest.map(|oldest| (oldest, Ready { stream: Stream { bucket, session }, since })));
    }
    ready.sort_by(|(a, one), (b, other)| (a, &one.stream).cmp(&(b, &other.stream)));
    ready.into_iter().map(|(_, ready)| ready).take(readiness.most).collect()
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

/// The offset of each stream.
const OFFSETS: &str = "SELECT raftSessionID, bucketName, \
     max((version, (lastProcessedInsertedAt, lastProcessedStartTime, lastProcessedReqId))).2 AS offset \
     FROM {database}.offsets WHERE {ours} GROUP BY raftSessionID, bucketName";

/// Streams with news, and since when. The hours are those of the view, or a young record could pass for an old one. A stream without an offset
/// has the first of all places: `join_use_nulls` must be 0.
const WHOSE: &str = "WITH toStartOfHour(now() - {age} - {delay}) AS boundary,
  offsets AS ({offsets}),
  news AS (
    SELECT s.raftSessionID AS raftSessionID, s.bucketName AS bucketName, o.offset AS offset
    FROM (SELECT raftSessionID, bucketName, max(last) AS newest FROM {database}.streams WHERE {ours} AND isValidUTF8(bucketName)
          GROUP BY raftSessionID, bucketName) AS s
    LEFT JOIN offsets AS o USING (raftSessionID, bucketName) WHERE s.newest > o.offset)
SELECT bucketName AS bucket, raftSessionID AS session, toUnixTimestamp(min(first)) AS since,
  toUnixTimestamp(boundary) AS recent, toUnixTimestamp(now()) AS now
FROM (
  SELECT raftSessionID, bucketName, offset.1 AS first FROM news WHERE offset.1 >= boundary
  UNION ALL
  SELECT raftSessionID, bucketName, greatest(h.first, o.offset).1 AS first
  FROM {database}.stream_hours AS h LEFT JOIN offsets AS o USING (raftSessionID, bucketName)
  WHERE (raftSessionID, bucketName) IN (SELECT raftSessionID, bucketName FROM news WHERE offset.1 < boundary) AND h.last > o.offset)
GROUP BY raftSessionID, bucketName";

/// What is behind the offsets within some seconds. `insertedAt` stands by itself, since only that leaves out what is older.
const HOW_MANY: &str = "SELECT l.bucketName AS bucket, l.raftSessionID AS session, count() AS records,
  toUnixTimestamp(min(l.insertedAt)) AS oldest
FROM {database}.access_logs AS l LEFT JOIN ({offsets}) AS o USING (raftSessionID, bucketName)
WHERE l.insertedAt >= toDateTime({from}) AND l.insertedAt <= toDateTime({to}) AND {ours} AND isValidUTF8(bucketName)
  AND (l.insertedAt, l.startTime, l.req_id) > o.offset
GROUP BY l.raftSessionID, l.bucketName";

fn whose(clickhouse: &ClickHouse, readiness: &Readiness) -> Statement {
    let sql = filled(WHOSE, clickhouse, readiness);
    let sql = sql.replace("{age}", &seconds(readiness.age).to_string());
    Statement::new(sql.replace("{delay}", &seconds(readiness.delay).to_string()))
}

fn how_many(clickhouse: &ClickHouse, readiness: &Readiness, from: u32, to: u32) -> Statement {
    let sql = filled(HOW_MANY, clickhouse, readiness);
    Statement::new(sql.replace("{from}", &from.to_string()).replace("{to}", &to.to_string()))
}

fn filled(sql: &str, clickhouse: &ClickHouse, readiness: &Readiness) -> String {
    let Readiness { instance, instances, .. } = readiness;
    let ours = format!("raftSessionID % {} = {instance}", instances.max(&1));
    let sql = sql.replace("{offsets}", OFFSETS).replace("{ours}", &ours);
    sql.replace("{database}", &quoted(clickhouse.database()))
}
