//! The next claim of a stream, before anybody has claimed it.

use std::collections::BTreeMap;
use std::time::Duration;

use logmill_queue::QueueError;
use serde::Deserialize;

use crate::claim::{Claim, Kind, Place, Target};
use crate::clickhouse::{ClickHouse, Encoded, Statement, place};
use crate::columns::Columns;
use crate::line::Format;
use crate::look::Ready;

/// How much a claim may have.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Records (`courier.max_logs_per_bucket`); more only where places are equal.
    pub records: u64,
    /// Bytes of their texts; more only where places are equal, and for a record that has more.
    pub bytes: u64,
    /// Records that are younger are left alone (`courier.processing_delay`).
    pub delay: Duration,
}

/// What is cut, and how its lines are to be.
#[derive(Clone, Copy, Debug)]
pub struct Cut<'c> {
    /// Where the records are.
    pub clickhouse: &'c ClickHouse,
    /// Which columns hold them.
    pub columns: &'c Columns,
    /// How much.
    pub limits: Limits,
    /// The lines.
    pub format: Format,
}

/// A record behind the offset.
#[derive(Debug, Deserialize)]
struct Behind {
    inserted_at: u32,
    start_time: i64,
    id: Encoded,
    hash: u64,
    bytes: u64,
    bucket: Encoded,
    prefix: Encoded,
}

impl Behind {
    fn place(&self) -> (u32, i64, &[u8]) {
        (self.inserted_at, self.start_time, &self.id.0)
    }
}

/// Counts a record for its target.
fn add(targets: &mut BTreeMap<(Vec<u8>, Vec<u8>), Target>, record: &Behind) {
    let (bucket, prefix) = (record.bucket.0.clone(), record.prefix.0.clone());
    let name = (bucket.clone(), prefix.clone());
    let target = targets.entry(name).or_insert(Target { bucket, prefix, oldest: i64::MAX, records: 0 });
    target.oldest = target.oldest.min(record.start_time);
    target.records += 1;
}

impl Cut<'_> {
    /// Cuts the claim of a number behind a place; none if there is nothing. Equal places are never cut apart.
    ///
    /// # Errors
    /// The records cannot be read.
    pub async fn next(&self, ready: &Ready, from: &Place, seq: u64) -> Result<Option<Claim>, QueueError> {
        let records: Vec<Behind> = self.clickhouse.rows(&self.behind(ready, from)).await?;
        let mut claim = Claim {
            stream: ready.stream.clone(),
            seq,
            kind: Kind::Cut,
            from: from.clone(),
            to: from.clone(),
            hashes: Vec::new(),
            targets: Vec::new(),
            columns: self.columns.row().join(", "),
            format: self.format.fields(),
        };
        let mut targets = BTreeMap::new();
        let mut bytes = 0;
        // Records of one place go together.
        for group in records.chunk_by(|one, other| one.place() == other.place()) {
            bytes += group.iter().map(|record| record.bytes).sum::<u64>();
            if bytes > self.limits.bytes && !claim.hashes.is_empty() {
                break;
            }
            for record in group {
                let (inserted_at, start_time, id) = record.place();
                claim.to = Place { inserted_at, start_time, req_id: id.to_vec() };
                claim.hashes.push(record.hash);
                add(&mut targets, record);
            }
        }
        claim.targets = targets.into_values().collect();
        Ok((!claim.hashes.is_empty()).then_some(claim))
    }

    /// The records of the next places. The places alone decide how many they are, since with hashes the whole stream would be read; `insertedAt` stands by itself,
    /// since only that leaves out what is older.
    fn behind(&self, ready: &Ready, from: &Place) -> Statement {
        let [at, time, id] = ["inserted_at", "time", "request_id"].map(|name| self.columns.of(name));
        let [hash, target, prefix] = self.columns.keys();
        let place_of = self.columns.place();
        let range = format!(
            "{of_stream} AND {at} >= toDateTime({since}) AND {at} <= now() - {delay} AND {at} < now() AND {place_of} > {from}",
            of_stream = self.columns.is_of_stream(),
            from = place("from"),
            since = ready.since,
            delay = self.limits.delay.as_secs(),
        );
        let table = self.clickhouse.table("access_logs_federated");
        let records = self.limits.records;
        let sql = format!(
            "WITH (SELECT max(place) FROM (SELECT {place_of} AS place FROM {table} WHERE {range} ORDER BY place LIMIT {records} WITH TIES)) AS last\n\
             SELECT toUnixTimestamp({at}) AS inserted_at, toUnixTimestamp64Milli(CAST({time} AS DateTime64(3))) AS start_time, \
             base64Encode(ifNull({id}, '')) AS id, {hash} AS hash, {bytes} AS bytes, base64Encode({target}) AS bucket, \
             base64Encode({prefix}) AS prefix\n\
             FROM {table} WHERE {range} AND {place_of} <= last ORDER BY {place_of}, hash",
            bytes = self.columns.bytes(),
        );
        // A column of the table may have the name of one of ours.
        let statement = Statement::new(sql).setting("prefer_column_name_to_alias", "1");
        statement.stream(&ready.stream).place("from", from)
    }
}
