//! How far the table holds each partition of each log, and what became of the records, as table properties.
//!
//! `logmill.position.<log id>.<topic>.<partition>` = `<next offset>;<commit id>` and `logmill.totals.<same>` =
//! `read=<n>,delivered=<n>,…`; `logmill.since` = milliseconds since 1970. The topic is percent-encoded (RFC 3986), its dots too, so that the parts of a name are told apart.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use logmill_queue::{Class, Lease, Offset, Partition, QueueError, Topic, Totals};
use logmill_world::Micros;
use uuid::Uuid;

/// What all names of ours begin with.
pub(crate) const PREFIX: &str = "logmill.";
/// The entry of a snapshot's summary that names its commit.
pub(crate) const COMMIT_ID: &str = "logmill.commit-id";

/// What is said of a position that cannot be read.
const POSITION: &str = "`<next offset>;<commit id>` is";
/// When logmill first wrote to the table. A file with our names that is older belongs to another table, which had this place before.
const SINCE: &str = "logmill.since";

/// How far a table holds a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TablePosition {
    /// The first offset that the table does not hold.
    pub next: Offset,
    /// The commit that brought it there.
    pub commit: Uuid,
}

/// The position of a lease's partition; none if the table does not know it.
///
/// # Errors
/// `Invalid`: an entry that we did not write.
pub(crate) fn position(
    properties: &HashMap<String, String>,
    lease: &Lease,
) -> Result<Option<TablePosition>, QueueError> {
    let name = name("position", lease);
    let Some(text) = properties.get(&name) else { return Ok(None) };
    parse(text).map(Some).ok_or_else(|| strange(&name, text, POSITION))
}

/// The totals of a lease's partition.
///
/// # Errors
/// `Invalid`: an entry that we did not write.
pub(crate) fn totals(properties: &HashMap<String, String>, lease: &Lease) -> Result<Totals, QueueError> {
    totals_at(properties, &name("totals", lease))
}

fn totals_at(properties: &HashMap<String, String>, name: &str) -> Result<Totals, QueueError> {
    let Some(text) = properties.get(name) else { return Ok(Totals::default()) };
    parse_totals(text).ok_or_else(|| strange(name, text, "`<what>=<records>`, separated by commas, is"))
}

/// When logmill first wrote to the table, in microseconds since 1970; none if it did not.
///
/// # Errors
/// `Invalid`: an entry that we did not write.
pub(crate) fn since(properties: &HashMap<String, String>) -> Result<Option<Micros>, QueueError> {
    let Some(text) = properties.get(SINCE) else { return Ok(None) };
    let since = text.parse::<i64>().ok().and_then(|millis| millis.checked_mul(1000));
    since.map(Some).ok_or_else(|| strange(SINCE, text, "milliseconds since 1970 are"))
}

/// The entry that says so, for a table that does not have it. `now` in microseconds.
pub(crate) fn first(properties: &HashMap<String, String>, now: Micros) -> Option<(String, String)> {
    let is_known = properties.contains_key(SINCE);
    (!is_known).then(|| (SINCE.to_owned(), (now / 1000).to_string()))
}

/// A table's entry for one partition of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// The property's name.
    pub name: String,
    pub log: String,
    pub topic: String,
    pub partition: Partition,
    pub at: TablePosition,
    pub totals: Totals,
}

/// The entries of all partitions of all logs, sorted.
///
/// # Errors
/// `Invalid`: an entry that we did not write.
pub(crate) fn all(properties: &HashMap<String, String>) -> Result<Vec<Known>, QueueError> {
    let mut all = Vec::new();
    for (name, text) in properties {
        let Some(of) = name.strip_prefix(PREFIX).and_then(|name| name.strip_prefix("position.")) else {
            continue;
        };
        let mut parts = of.splitn(3, '.');
        let (log, topic, partition) = (parts.next(), parts.next(), parts.next());
        let partition = partition.and_then(|partition| partition.parse().ok());
        let (Some(log), Some(topic), Some(partition), Some(at)) = (log, topic, partition, parse(text)) else {
            return Err(strange(name, text, POSITION));
        };
        all.push(Known {
            name: name.clone(),
            log: log.to_owned(),
            topic: topic.replace("%2E", "."),
            partition: Partition(partition),
            at,
            totals: totals_at(properties, &format!("{PREFIX}totals.{of}"))?,
        });
    }
    all.sort_by(|a, b| (&a.log, &a.topic, a.partition).cmp(&(&b.log, &b.topic, b.partition)));
    Ok(all)
}

/// The entries that say that a table holds a lease's partition up to `next`.
pub(crate) fn entries(lease: &Lease, at: TablePosition, totals: &Totals) -> [(String, String); 2] {
    let figures: Vec<String> = totals.named().iter().map(|(what, n)| format!("{what}={n}")).collect();
    [
        (name("position", lease), format!("{};{}", at.next, at.commit)),
        (name("totals", lease), figures.join(",")),
    ]
}

fn name(kind: &str, lease: &Lease) -> String {
    format!("{PREFIX}{kind}.{}.{}.{}", lease.log, encoded(&lease.topic), lease.partition)
}

/// Of a topic's characters only the dot is one that names are split at.
fn encoded(topic: &Topic) -> String {
    topic.as_str().replace('.', "%2E")
}

/// The offset that an entry of a position names.
pub(crate) fn next(text: &str) -> Option<Offset> {
    parse(text).map(|at| at.next)
}

fn parse(text: &str) -> Option<TablePosition> {
    let (next, commit) = text.split_once(';')?;
    Some(TablePosition { next: next.parse().ok()?, commit: Uuid::parse_str(commit).ok()? })
}

fn parse_totals(text: &str) -> Option<Totals> {
    let mut figures = HashMap::new();
    for part in text.split(',') {
        let (what, n) = part.split_once('=')?;
        figures.insert(what, n.parse::<u64>().ok()?);
    }
    let figure = |what| figures.get(what).copied().unwrap_or(0);
    Some(Totals {
        read: figure("read"),
        delivered: figure("delivered"),
        deduplicated: figure("deduplicated"),
        dead_lettered: figure("dead_lettered"),
        rejected: figure("rejected"),
        damaged: figure("damaged"),
        expired: figure("expired"),
    })
}

fn strange(name: &str, text: &str, what: &str) -> QueueError {
    let text: String = text.chars().take(200).collect();
    let reason =
        format!("the table's property {name} is {text:?}, which logmill did not write; {what} expected");
    QueueError::new(Class::Invalid, reason)
}
