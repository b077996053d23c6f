//! Figures that are asked for when Prometheus asks.

use logmill_queue::Totals;
use prometheus::{IntCounter, IntGaugeVec, Opts, Registry};

use crate::ledger::Delivery;

/// A counter that somebody else keeps.
pub struct Tally {
    counter: IntCounter,
    count: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl Tally {
    /// Registers a counter whose value `count` tells; it must never fall.
    ///
    /// # Errors
    /// The name is taken.
    pub fn register(
        registry: &Registry,
        name: &str,
        help: &str,
        count: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Result<Self, prometheus::Error> {
        let counter = IntCounter::new(name, help)?;
        registry.register(Box::new(counter.clone()))?;
        Ok(Self { counter, count: Box::new(count) })
    }

    pub(crate) fn refresh(&self) {
        self.counter.inc_by((self.count)().saturating_sub(self.counter.get()));
    }
}

/// What the log holds and what became of it.
pub(crate) struct Figures {
    depth: IntGaugeVec,
    records: IntGaugeVec,
    lag: IntGaugeVec,
}

impl Figures {
    pub(crate) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name, help, labels: &[&str]| -> Result<IntGaugeVec, prometheus::Error> {
            let gauge = IntGaugeVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        Ok(Self {
            depth: gauge("queue_depth", "Records that a sink has not read yet.", &["sink", "topic"])?,
            records: gauge(
                "sink_records",
                "Records that a sink has read, by what became of them; kept with its output.",
                &["sink", "topic", "outcome"],
            )?,
            lag: gauge(
                "kafka_consumer_lag",
                "Offsets that a consumer group has not committed yet; markers of transactions count.",
                &["topic", "partition", "group"],
            )?,
        })
    }

    /// What is not known is not shown: an old figure would look like a group at work.
    async fn refresh_lag(&self, delivery: &Delivery) {
        let (topic, group) = (delivery.topic.as_str(), delivery.group.as_str());
        let lags = delivery.lags().await;
        if lags.is_none() && !delivery.queue.limits().counts_records {
            self.lag.reset();
        }
        for (partition, lag) in lags.into_iter().flatten() {
            self.lag.with_label_values(&[topic, &partition.to_string(), group]).set(lag.cast_signed());
        }
    }

    pub(crate) async fn refresh(&self, deliveries: &[Delivery]) {
        for delivery in deliveries {
            let labels = [delivery.name.as_str(), delivery.topic.as_str()];
            let totals = delivery.totals();
            let counts = delivery.queue.limits().counts_records;
            let depth = if counts { delivery.depth().await } else { None };
            if let Some(records) = depth.and_then(|depth| depth.records) {
                // A sink that accounts for its records knows better than its group, whose position may lag.
                let queued =
                    totals.map_or(records.queued, |totals| records.accepted.saturating_sub(totals.read));
                self.depth.with_label_values(&labels).set(queued.cast_signed());
            }
            self.refresh_lag(delivery).await;
            for (outcome, records) in totals.iter().flat_map(Totals::named) {
                let labels = [labels[0], labels[1], outcome];
                self.records.with_label_values(&labels).set(records.cast_signed());
            }
        }
    }
}
