//! Everything accepted is accounted for (invariant 10).

use std::sync::Arc;

use logmill_queue::{Depth, Group, Queue, QueueError, Sink, Topic, Totals};
use serde_json::{Value, json};

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
    /// Who keeps the totals.
    pub sink: Arc<dyn Sink>,
    /// Whether the sink accounts for all records. A stage that only looks at some of them does not.
    pub accounts: bool,
}

impl Delivery {
    /// What the log holds beyond the group's position.
    pub(crate) async fn depth(&self) -> Result<Depth, QueueError> {
        self.queue.depth(&self.topic, &self.group).await
    }

    /// All totals summed up.
    pub(crate) fn totals(&self) -> Totals {
        let mut sum = Totals::default();
        self.sink.totals().iter().for_each(|(_, totals)| sum.add(totals));
        sum
    }

    pub(crate) async fn row(&self) -> Value {
        let totals = self.totals();
        let partitions: Vec<Value> = self.sink.totals().iter().map(|(p, t)| partition_row(p.0, t)).collect();
        let mut row =
            json!({ "sink": self.name, "topic": self.topic.as_str(), "group": self.group.as_str() });
        if let Ok(depth) = self.depth().await {
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
        row
    }
}

fn partition_row(partition: u16, totals: &Totals) -> Value {
    let mut row = json!({ "partition": partition });
    for (name, value) in totals.named() {
        row[name] = value.into();
    }
    row
}
