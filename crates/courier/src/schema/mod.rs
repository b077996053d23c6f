//! The tables, and the statements that make them.

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::columns::quoted;

/// The columns of the access logs. What a writer sends beside them has to be ignored by its settings
/// (`input_format_skip_unknown_fields`).
const ACCESS_LOGS: &str = "
    insertedAt DateTime DEFAULT now(),
    hostname LowCardinality(Nullable(String)),
    startTime DateTime64(3),
    requester Nullable(String),
    operation Nullable(String),
    requestURI Nullable(String),
    errorCode Nullable(String),
    referer Nullable(String),
    userAgent Nullable(String),
    versionId Nullable(String),
    hostHeader Nullable(String),
    bucketOwner Nullable(String),
    clientIP Nullable(String),
    objectKey Nullable(String),
    awsAccessKeyID Nullable(String),
    signatureVersion LowCardinality(Nullable(String)),
    cipherSuite LowCardinality(Nullable(String)),
    authenticationType LowCardinality(Nullable(String)),
    tlsVersion LowCardinality(Nullable(String)),
    aclRequired LowCardinality(Nullable(String)),
    logFormatVersion LowCardinality(Nullable(String)),
    objectSize Nullable(UInt64),
    bytesSent Nullable(UInt64),
    totalTime Nullable(Float32),
    turnAroundTime Nullable(Float32),
    httpCode Nullable(UInt16),
    bucketName String DEFAULT '',
    req_id String DEFAULT '',
    loggingTargetBucket String DEFAULT '',
    loggingTargetPrefix String DEFAULT '',
    loggingEnabled Bool DEFAULT false,
    raftSessionID UInt16 DEFAULT 0
";

/// A place, by its column names behind a prefix.
macro_rules! place {
    ($name:literal) => {
        concat!($name, "InsertedAt DateTime, ", $name, "StartTime DateTime64(3), ", $name, "ReqId String")
    };
}

const OFFSETS: &str =
    concat!("bucketName String, raftSessionID UInt16, ", place!("lastProcessed"), ", version UInt64");

/// Claims. Hashes are random numbers, which no codec makes smaller.
const BATCHES: &str = concat!(
    "bucketName String, raftSessionID UInt16, seq UInt64, attempt UInt8, id UUID DEFAULT generateUUIDv4(), ",
    "kind Enum8('cut' = 1, 'late' = 2, 'reset' = 3), base UInt64, ",
    place!("from"),
    ", ",
    place!("to"),
    ", hashes Array(UInt64) CODEC(NONE), ",
    "targets Array(Tuple(bucket String, prefix String, oldest DateTime64(3), records UInt64)), ",
    "columns String, format UInt8, claimed_at DateTime64(6) DEFAULT now64(6), instance String"
);

const PARKED: &str = "bucketName String, raftSessionID UInt16, seq UInt64, target UInt32, \
                      state Enum8('parked' = 1, 'expired' = 2, 'up' = 3), key String, reason String, at DateTime64(3) DEFAULT now64(3)";

/// Of each stream the last place: who has news is known without a look at the records.
const STREAMS: &str = "raftSessionID UInt16, bucketName String, last SimpleAggregateFunction(max, Tuple(DateTime, DateTime64(3), String))";

/// The same of each hour, for streams that nothing was delivered of for longer.
const STREAM_HOURS: &str = "raftSessionID UInt16, bucketName String, hour DateTime, \
     first SimpleAggregateFunction(min, Tuple(DateTime, DateTime64(3), String)), \
     last SimpleAggregateFunction(max, Tuple(DateTime, DateTime64(3), String))";

const HOURS: &str = "toStartOfHour(insertedAt) AS hour, \
     min((insertedAt, startTime, req_id)) AS first, max((insertedAt, startTime, req_id)) AS last";

/// What is new in a busy hour is found without reading that hour.
const BY_TIME: &str = "PROJECTION by_time (SELECT raftSessionID, bucketName, insertedAt, startTime, req_id ORDER BY insertedAt)";

/// Claims whose tokens a server remembers: with 10 workers that claim 20 times a second, those of a quarter of an hour at least.
const TOKENS: u32 = 200_000;

/// How long claims outlive the records that they name.
const LONGER: Duration = Duration::from_secs(2 * 86_400);

/// Where the tables are and how long records live.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The database.
    pub database: String,
    /// The cluster, if there is one (`courier.clickhouse.cluster`).
    pub cluster: Option<String>,
    /// How long a record lives (`courier.retention`).
    pub retention: Duration,
}

impl Layout {
    /// The statements that make what is not there and leave alone what is, in their order.
    #[must_use]
    pub fn statements(&self) -> Vec<String> {
        let mut all = vec![
            format!("CREATE DATABASE IF NOT EXISTS {}{}", quoted(&self.database), self.on_cluster()),
            self.create("TABLE", "access_logs_ingest", &format!("({ACCESS_LOGS})\nENGINE = Null")),
            self.create("TABLE", "access_logs", &self.access_logs()),
        ];
        all.extend(self.streams());
        // What it lets in reaches all that were made before it.
        let (to, from) = (self.table("access_logs"), self.table("access_logs_ingest"));
        let select = format!("TO {to}\nAS SELECT * FROM {from} WHERE loggingEnabled");
        let order = "raftSessionID, bucketName, seq";
        let offsets = self.engine("ReplacingMergeTree", "version");
        all.extend([
            self.create("MATERIALIZED VIEW", "access_logs_ingest_mv", &select),
            self.federated("access_logs", ACCESS_LOGS),
            self.create(
                "TABLE",
                "offsets",
                &format!("({OFFSETS})\n{offsets}\nORDER BY (bucketName, raftSessionID)"),
            ),
            self.federated("offsets", OFFSETS),
            self.state("batches", BATCHES, order, "toDateTime(claimed_at)"),
            self.state("parked", PARKED, &format!("{order}, target"), "toDateTime(at)"),
        ]);
        all
    }

    fn access_logs(&self) -> String {
        let (engine, seconds) = (self.engine("MergeTree", ""), self.retention.as_secs());
        format!(
            "({ACCESS_LOGS},\n    {BY_TIME})\n{engine}\nPARTITION BY toStartOfHour(insertedAt)\n\
             ORDER BY (raftSessionID, bucketName, insertedAt, startTime, req_id)\nTTL insertedAt + INTERVAL {seconds} SECOND\n\
             SETTINGS ttl_only_drop_parts = 1"
        )
    }

    /// What is known of the streams without a look at their records.
    fn streams(&self) -> [String; 4] {
        let (engine, seconds) = (self.engine("AggregatingMergeTree", ""), self.longer());
        let streams = format!("({STREAMS})\n{engine}\nORDER BY (raftSessionID, bucketName)");
        let hours = format!(
            "({STREAM_HOURS})\n{engine}\nORDER BY (raftSessionID, bucketName, hour)\nTTL hour + INTERVAL {seconds} SECOND\n\
             SETTINGS index_granularity = 256"
        );
        [
            self.create("TABLE", "streams", &streams),
            self.seen("streams", "max((insertedAt, startTime, req_id)) AS last", "raftSessionID, bucketName"),
            self.create("TABLE", "stream_hours", &hours),
            self.seen("stream_hours", HOURS, "raftSessionID, bucketName, hour"),
        ]
    }

    /// Seconds that what is known of records lives.
    fn longer(&self) -> u64 {
        (self.retention + LONGER).as_secs()
    }

    /// The view that keeps what is seen of each stream.
    fn seen(&self, name: &str, what: &str, groups: &str) -> String {
        let (to, from) = (self.table(name), self.table("access_logs"));
        let rest =
            format!("TO {to}\nAS SELECT raftSessionID, bucketName, {what} FROM {from} GROUP BY {groups}");
        self.create("MATERIALIZED VIEW", &format!("{name}_mv"), &rest)
    }

    fn create(&self, what: &str, name: &str, rest: &str) -> String {
        format!("CREATE {what} IF NOT EXISTS {}{}\n{rest}", self.table(name), self.on_cluster())
    }

    fn table(&self, name: &str) -> String {
        format!("{}.{}", quoted(&self.database), quoted(name))
    }

    fn on_cluster(&self) -> String {
        self.cluster.as_ref().map_or_else(String::new, |cluster| format!(" ON CLUSTER {}", quoted(cluster)))
    }

    /// An engine of a table that is shared out among the shards.
    fn engine(&self, name: &str, arguments: &str) -> String {
        let kind = if self.cluster.is_some() { "Replicated" } else { "" };
        format!("ENGINE = {kind}{name}({arguments})")
    }

    /// The same rows from everywhere: those of all shards, or those of the one server.
    fn federated(&self, name: &str, columns: &str) -> String {
        let federated = format!("{name}_federated");
        match &self.cluster {
            None => self.create("VIEW", &federated, &format!("AS SELECT * FROM {}", self.table(name))),
            Some(cluster) => {
                let engine = format!(
                    "ENGINE = Distributed({}, {}, {}, raftSessionID)",
                    text(cluster),
                    text(&self.database),
                    text(name)
                );
                self.create("TABLE", &federated, &format!("({columns})\n{engine}"))
            }
        }
    }

    /// A table of what was decided. It is one on all nodes of a cluster, so that they decide it once; and synced, since what follows
    /// an answer cannot be undone.
    fn state(&self, name: &str, columns: &str, order: &str, time: &str) -> String {
        let (engine, tokens) = match &self.cluster {
            None => ("MergeTree".to_owned(), format!("non_replicated_deduplication_window = {TOKENS}")),
            Some(_) => {
                let path = text(&format!("/clickhouse/tables/logmill/{}/{name}", self.database));
                let week = 7 * 86_400;
                (
                    format!("ReplicatedMergeTree({path}, '{{shard}}-{{replica}}')"),
                    format!(
                        "replicated_deduplication_window = {TOKENS}, replicated_deduplication_window_seconds = {week}"
                    ),
                )
            }
        };
        let seconds = self.longer();
        let synced = "fsync_after_insert = 1, fsync_part_directory = 1";
        let rest = format!(
            "({columns})\nENGINE = {engine}\nORDER BY ({order})\nTTL {time} + INTERVAL {seconds} SECOND\nSETTINGS {tokens}, {synced}"
        );
        self.create("TABLE", name, &rest)
    }
}

/// A text as ClickHouse takes it in a statement.
fn text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
