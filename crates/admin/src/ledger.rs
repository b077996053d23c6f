//! Everything accepted is accounted for (invariant 10).

use std::sync::Arc;
use std::time::Duration;

use logmill_queue::{Depth, Group, Partition, Queue, Sink, Topic, Totals};
use serde_json::{Value, json};

/// How long a log may take to tell how far it goes: brokers that are away must not hold up who asks for metrics.
const PATIENCE: Duration = Duration::from_secs(2);

/// A sink and what it reads: one block of the ledger.
pub struct Delivery {
    /// The sink's name.
    pub name: String,
    /// What it reads.
    pub topic: Topic,
    /// Its consumer group.
    pub group: Group,
    /// Where it reads from.
    pub queue: Arc<dyn Queue>,
    /// Who accounts for all records. None for a stage that only looks at some of them.
    pub sink: Option<Arc<dyn Sink>>,
}

impl Delivery {
    /// What the log holds beyond the group's position; none if the log does not tell in time.
    pub(crate) async fn depth(&self) -> Option<Depth> {
        let depth = self.queue.depth(&self.topic, &self.group);
        tokio::time::timeout(PATIENCE, depth).await.ok()?.ok()
    }

    /// Offsets behind the group's position by partition, where the log does not count records; none if it does, or if it
    /// does not tell in time.
    pub(crate) async fn lags(&self) -> Option<Vec<(Partition, u64)>> {
        if self.queue.limits().counts_records {
            return None;
        }
        let lags = self.queue.lags(&self.topic, &self.group);
        tokio::time::timeout(PATIENCE, lags).await.ok()?.ok()
    }

    /// All totals summed up; none for a stage.
    pub(crate) fn totals(&self) -> Option<Totals> {
        let mut sum = Totals::default();
        self.sink.as_ref()?.totals().iter().for_each(|(_, totals)| sum.add(totals));
        Some(sum)
    }

    /// Its block of the ledger; none for a stage.
    pub(crate) async fn row(&self) -> Option<Value> {
        let (totals, by_partition) = (self.totals()?, self.sink.as_ref()?.totals());
        let partitions: Vec<Value> = by_partition.iter().map(|(p, t)| partition_row(p.0, t)).collect();
        let mut row =
            json!({ "sink": self.name, "topic": self.topic.as_str(), "group": self.group.as_str() });
        if let Some(depth) = self.depth().await {
            row["queued_frames"] = depth.frames.into();
            if let Some(records) = depth.records {
                row["accepted"] = records.accepted.into();
                row["queued"] = records.accepted.saturating_sub(totals.read).into();
            }
        }
        for (name, value) in totals.named() {
            row[name] = value.into();
        }
        row["partitions"] = partitions.into();
        Some(row)
    }
}

fn partition_row(partition: u16, totals: &Totals) -> Value {
    let mut row = json!({ "partition": partition });
    for (name, value) in totals.named() {
        row[name] = value.into();
    }
    row
}
