//! How far the table holds each partition of each log, and what became of the records, as table properties.
//!
//! `logmill.position.<log id>.<topic>.<partition>` = `<next offset>;<commit id>` and `logmill.totals.<same>` =
//! `read=<n>,delivered=<n>,…`. The topic is percent-encoded (RFC 3986), its dots too, so that the parts of a name are told apart.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use logmill_queue::{Class, Lease, Offset, QueueError, Topic, Totals};
use uuid::Uuid;

/// What all names of ours begin with.
pub(crate) const PREFIX: &str = "logmill.";
/// The entry of a snapshot's summary that names its commit.
pub(crate) const COMMIT_ID: &str = "logmill.commit-id";

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
    parse(text).map(Some).ok_or_else(|| strange(&name, text))
}

/// The totals of a lease's partition.
///
/// # Errors
/// `Invalid`: an entry that we did not write.
pub(crate) fn totals(properties: &HashMap<String, String>, lease: &Lease) -> Result<Totals, QueueError> {
    let name = name("totals", lease);
    let Some(text) = properties.get(&name) else { return Ok(Totals::default()) };
    parse_totals(text).ok_or_else(|| strange(&name, text))
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

fn strange(name: &str, text: &str) -> QueueError {
    let text: String = text.chars().take(200).collect();
    let reason = format!(
        "the table's property {name} is {text:?}, which logmill did not write; `<next offset>;<commit id>` is expected"
    );
    QueueError::new(Class::Invalid, reason)
}
