//! Figures of the process itself: memory as the allocator sees it, and the runtimes' tasks.

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntGauge, IntGaugeVec, Opts};
use tikv_jemalloc_ctl::{epoch, stats};
use tokio::runtime::Handle;

/// Read when Prometheus asks.
pub(crate) struct ProcessFigures {
    allocated: IntGauge,
    active: IntGauge,
    resident: IntGauge,
    tasks: IntGaugeVec,
    queued: IntGaugeVec,
    runtimes: Vec<(&'static str, Handle)>,
}

impl ProcessFigures {
    /// Figures of the allocator and of these runtimes.
    pub(crate) fn new(runtimes: Vec<(&'static str, Handle)>) -> Result<Self, prometheus::Error> {
        let by_runtime = |name, help| IntGaugeVec::new(Opts::new(name, help), &["runtime"]);
        Ok(Self {
            allocated: IntGauge::new("allocator_allocated_bytes", "Bytes that the program has asked for.")?,
            active: IntGauge::new("allocator_active_bytes", "Bytes of pages that hold some of them.")?,
            resident: IntGauge::new(
                "allocator_resident_bytes",
                "Bytes of memory that the allocator keeps, also for what may be asked for next.",
            )?,
            tasks: by_runtime("runtime_tasks", "Tasks that are alive, connections among them.")?,
            queued: by_runtime("runtime_queued_tasks", "Tasks that are ready and wait for a thread.")?,
            runtimes,
        })
    }

    fn parts(&self) -> [&dyn Collector; 5] {
        [&self.allocated, &self.active, &self.resident, &self.tasks, &self.queued]
    }

    fn refresh(&self) {
        let set = |gauge: &IntGauge, value: usize| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        // The allocator's figures stand still until the epoch is advanced.
        if epoch::advance().is_ok() {
            for (gauge, read) in [
                (&self.allocated, stats::allocated::read()),
                (&self.active, stats::active::read()),
                (&self.resident, stats::resident::read()),
            ] {
                set(gauge, read.unwrap_or(0));
            }
        }
        for (name, runtime) in &self.runtimes {
            let metrics = runtime.metrics();
            set(&self.tasks.with_label_values(&[name]), metrics.num_alive_tasks());
            set(&self.queued.with_label_values(&[name]), metrics.global_queue_depth());
        }
    }
}

impl Collector for ProcessFigures {
    fn desc(&self) -> Vec<&Desc> {
        self.parts().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.refresh();
        self.parts().into_iter().flat_map(Collector::collect).collect()
    }
}
