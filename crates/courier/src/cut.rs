//! The next claim of a stream, before anybody has claimed it.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use logmill_queue::{Class, QueueError};
use serde::Deserialize;

use crate::claim::{Claim, Kind, Place, Target};
use crate::clickhouse::{ClickHouse, Statement};
use crate::columns::{Columns, quoted};
use crate::fetch::{bound, with};
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
    id: String,
    hash: u64,
    bytes: u64,
    bucket: String,
    prefix: String,
}

impl Behind {
    fn place(&self) -> (u32, i64, &str) {
        (self.inserted_at, self.start_time, &self.id)
    }
}

/// Counts a record for its target.
fn add(targets: &mut BTreeMap<(Vec<u8>, Vec<u8>), Target>, record: &Behind) -> Result<(), QueueError> {
    let (bucket, prefix) = (decoded(&record.bucket)?, decoded(&record.prefix)?);
    let name = (bucket.clone(), prefix.clone());
    let target = targets.entry(name).or_insert(Target { bucket, prefix, oldest: i64::MAX, records: 0 });
    target.oldest = target.oldest.min(record.start_time);
    target.records += 1;
    Ok(())
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
                claim.to = Place {
                    inserted_at: record.inserted_at,
                    start_time: record.start_time,
                    req_id: decoded(&record.id)?,
                };
                claim.hashes.push(record.hash);
                add(&mut targets, record)?;
            }
        }
        claim.targets = targets.into_values().collect();
        Ok((!claim.hashes.is_empty()).then_some(claim))
    }

    /// The records of the next places. The places alone decide how many they are, since with hashes the whole stream would be read; `insertedAt` stands by itself,
    /// since only that leaves out what is older.
    fn behind(&self, ready: &Ready, from: &Place) -> Statement {
        let [at, time, id] = self.columns.place();
        let [bucket, session] = self.columns.stream();
        let [hash, target, prefix] = self.columns.keys();
        let place = format!("({at}, {time}, ifNull({id}, ''))");
        let range = format!(
            "{session} = {{session:UInt16}} AND {bucket} = {{bucket:String}} AND {at} >= toDateTime({since}) \
             AND {at} <= now() - {delay} AND {at} < now() \
             AND {place} > {from}",
            from = bound("from"),
            since = ready.since,
            delay = self.limits.delay.as_secs(),
        );
        let table = format!("{}.access_logs_federated", quoted(self.clickhouse.database()));
        let records = self.limits.records;
        let sql = format!(
            "WITH (SELECT max(place) FROM (SELECT {place} AS place FROM {table} WHERE {range} ORDER BY place LIMIT {records} WITH TIES)) AS last\n\
             SELECT toUnixTimestamp({at}) AS inserted_at, toUnixTimestamp64Milli(CAST({time} AS DateTime64(3))) AS start_time, \
             base64Encode(ifNull({id}, '')) AS id, {hash} AS hash, {bytes} AS bytes, base64Encode({target}) AS bucket, \
             base64Encode({prefix}) AS prefix\n\
             FROM {table} WHERE {range} AND {place} <= last ORDER BY {place}, hash",
            bytes = self.columns.bytes(),
        );
        // A column of the table may have the name of one of ours.
        let statement = Statement::new(sql).setting("prefer_column_name_to_alias", "1");
        let statement = statement.with("bucket", &ready.stream.bucket);
        let statement = statement.with("session", &ready.stream.session.to_string());
        with(statement, "from", from)
    }
}

fn decoded(text: &str) -> Result<Vec<u8>, QueueError> {
    STANDARD
        .decode(text)
        .map_err(|error| QueueError::caused(Class::Corrupt, "ClickHouse answers other than base64", error))
}
