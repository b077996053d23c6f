//! The leaf of a plan: files, shared out among the threads.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::internal_err;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use crate::error::QueryError;

/// Rows of some files.
pub(crate) type Rows = BoxStream<'static, Result<RecordBatch, QueryError>>;

/// Files that one thread reads, one after the other.
pub(crate) trait Share: fmt::Debug + Send + Sync {
    fn read(&self) -> Result<Rows, QueryError>;
}

/// Which files are read, for whom.
#[derive(Debug)]
pub(crate) struct Scan {
    /// As `EXPLAIN` shows it.
    says: String,
    shares: Vec<Arc<dyn Share>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl Scan {
    /// A scan of `matched` files; `skipped` ones cannot hold what is asked for.
    pub(crate) fn new(
        table: &str,
        schema: SchemaRef,
        shares: Vec<Arc<dyn Share>>,
        (matched, skipped): (u64, u64),
    ) -> Self {
        let metrics = ExecutionPlanMetricsSet::new();
        for (name, count) in [("files_matched", matched), ("files_skipped", skipped)] {
            MetricBuilder::new(&metrics)
                .global_counter(name)
                .add(usize::try_from(count).unwrap_or(usize::MAX));
        }
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(shares.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        let says = format!("Scan: table={table}, files_matched={matched}, files_skipped={skipped}");
        Self { says, shares, properties: Arc::new(properties), metrics }
    }
}

impl DisplayAs for Scan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.says)
    }
}

impl ExecutionPlan for Scan {
    fn name(&self) -> &'static str {
        "Scan"
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let Some(share) = self.shares.get(partition) else {
            return internal_err!("a scan has no share {partition}");
        };
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        let rows = share.read().map_err(outside)?.map(move |batch| {
            let batch = batch.map_err(outside)?;
            baseline.record_output(batch.num_rows());
            Ok(batch)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// An error of a table, as the engine carries it.
pub(crate) fn outside(error: QueryError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// Shares out what takes so long among `threads`, the largest first; at least one share, none of several empty.
pub(crate) fn share_out<T>(mut items: Vec<T>, threads: usize, size: impl Fn(&T) -> u64) -> Vec<Vec<T>> {
    let count = threads.min(items.len()).max(1);
    let mut shares: Vec<(u64, Vec<T>)> = (0..count).map(|_| (0, Vec::new())).collect();
    items.sort_by_key(|item| std::cmp::Reverse(size(item)));
    for item in items {
        if let Some((total, share)) = shares.iter_mut().min_by_key(|(total, _)| *total) {
            // A file costs something even when it is small.
            *total = total.saturating_add(size(&item)).saturating_add(1);
            share.push(item);
        }
    }
    shares.into_iter().map(|(_, share)| share).collect()
}
