//! The table for the engine: which files are read, and how their rows come.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{Schema as Columns, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result as Planned;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use futures_util::{StreamExt, TryStreamExt, stream};
use iceberg::arrow::{ArrowReaderBuilder, schema_to_arrow_schema};
use iceberg::expr::Predicate;
use iceberg::scan::FileScanTask;
use iceberg::spec::{ManifestContentType, Schema};
use iceberg::table::Table;
use iceberg::{Runtime, TableIdent};
use logmill_queue::{Class, QueueError};
use logmill_sink_iceberg::storage::Storage;
use logmill_world::World;

use super::{files, predicate};
use crate::config::LakeSource;
use crate::error::QueryError;
use crate::judge::Judgement;
use crate::scan::{Rows, Scan, Share, outside, share_out};
use crate::session::BATCH;
use crate::stats::Stats;

/// The Iceberg table of one question.
pub(crate) struct LakeTable {
    name: String,
    /// None: the table is not made yet, and has no rows.
    table: Option<Table>,
    columns: Arc<Schema>,
    schema: SchemaRef,
    stats: Arc<Stats>,
}

impl fmt::Debug for LakeTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LakeTable").field("name", &self.name).finish_non_exhaustive()
    }
}

impl LakeTable {
    /// The table as its catalog has it now.
    pub(crate) async fn open(
        world: &World,
        source: &LakeSource,
        stats: Arc<Stats>,
    ) -> Result<Self, QueryError> {
        let base = source.catalog.load(&source.table).await.map_err(|error| away(&error))?;
        let (table, columns) = match base {
            None => (None, Arc::new(logmill_sink_iceberg::schema().map_err(|error| away(&error))?)),
            Some(base) => {
                let metadata = base.metadata;
                let place =
                    Storage::of(world, metadata.location(), &source.store).map_err(|error| away(&error))?;
                let ident = [source.table.namespace.clone(), vec![source.table.table.clone()]].concat();
                let columns = match metadata.current_snapshot() {
                    Some(snapshot) => snapshot.schema(&metadata).map_err(|error| broken(&error))?,
                    None => metadata.current_schema().clone(),
                };
                let table = Table::builder()
                    .file_io(files::file_io(place, stats.clone()))
                    .metadata(metadata)
                    .identifier(TableIdent::from_strs(ident).map_err(|error| broken(&error))?)
                    .runtime(Runtime::try_current().map_err(|error| broken(&error))?)
                    .readonly(true)
                    .build();
                (Some(table.map_err(|error| broken(&error))?), columns)
            }
        };
        let schema = Arc::new(schema_to_arrow_schema(&columns).map_err(|error| broken(&error))?);
        Ok(Self { name: source.table.to_string(), table, columns, schema, stats })
    }

    /// The files that can match, and how many there are.
    async fn plan(&self, columns: &Columns, wanted: Option<Predicate>) -> Result<Plan, QueryError> {
        let Some(table) = &self.table else { return Ok(Plan { tasks: Vec::new(), all: 0 }) };
        let names: Vec<&String> = columns.fields().iter().map(|field| field.name()).collect();
        let mut scan = table.scan().select(names);
        if let Some(wanted) = wanted {
            scan = scan.with_filter(wanted);
        }
        let found = async {
            let tasks = scan.build()?.plan_files().await?.try_collect::<Vec<_>>().await?;
            Ok(Plan { tasks, all: count(table).await? })
        };
        found.await.map_err(|error| broken(&error))
    }
}

struct Plan {
    tasks: Vec<FileScanTask>,
    /// Files of rows in the snapshot.
    all: u64,
}

/// Files of rows in the current snapshot, as its list of manifests says.
async fn count(table: &Table) -> iceberg::Result<u64> {
    let Some(snapshot) = table.metadata().current_snapshot() else { return Ok(0) };
    let list = table.manifest_list_reader(snapshot).load().await?;
    let of_rows = list.entries().iter().filter(|manifest| manifest.content == ManifestContentType::Data);
    let files = of_rows.map(|manifest| {
        u64::from(manifest.added_files_count.unwrap_or(0))
            + u64::from(manifest.existing_files_count.unwrap_or(0))
    });
    Ok(files.sum())
}

#[async_trait]
impl TableProvider for LakeTable {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Planned<Vec<TableProviderFilterPushDown>> {
        let helps =
            |filter: &&Expr| Judgement::of(filter).and_then(|it| predicate::of(&it, &self.columns)).is_some();
        let answer = |helps| match helps {
            true => TableProviderFilterPushDown::Inexact,
            false => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(|filter| answer(helps(filter))).collect())
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Planned<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(wanted) => Arc::new(self.schema.project(wanted)?),
            None => self.schema.clone(),
        };
        // Rows are counted by the values of some column.
        let read =
            if schema.fields().is_empty() { Arc::new(self.schema.project(&[0])?) } else { schema.clone() };
        let wanted =
            Judgement::of_all(filters).and_then(|judgement| predicate::of(&judgement, &self.columns));
        let plan = self.plan(&read, wanted).await.map_err(outside)?;
        let (matched, all) = (plan.tasks.len() as u64, plan.all);
        let counts = (matched, all.saturating_sub(matched));
        self.stats.planned(counts.0, counts.1);
        let shares = share_out(plan.tasks, session.config().target_partitions(), |task| task.length);
        let shares = shares.into_iter().map(|tasks| -> Arc<dyn Share> {
            Arc::new(LakeShare { table: self.table.clone(), tasks, schema: schema.clone() })
        });
        Ok(Arc::new(Scan::new(&self.name, schema.clone(), shares.collect(), counts)))
    }
}

/// Data files for one thread.
struct LakeShare {
    table: Option<Table>,
    tasks: Vec<FileScanTask>,
    schema: SchemaRef,
}

impl fmt::Debug for LakeShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LakeShare").field("files", &self.tasks.len()).finish_non_exhaustive()
    }
}

impl Share for LakeShare {
    fn read(&self) -> Result<Rows, QueryError> {
        let Some(table) = &self.table else { return Ok(stream::empty().boxed()) };
        let runtime = Runtime::try_current().map_err(|error| broken(&error))?;
        // One file at a time: the next one is opened only when somebody wants its rows.
        let reader = ArrowReaderBuilder::new(table.file_io().clone(), runtime)
            .with_data_file_concurrency_limit(1)
            .with_batch_size(BATCH)
            .build();
        let tasks = stream::iter(self.tasks.clone().into_iter().map(Ok)).boxed();
        let rows = reader.read(tasks).map_err(|error| broken(&error))?.stream();
        let schema = self.schema.clone();
        Ok(rows.map(move |batch| fit(&schema, &batch.map_err(|error| broken(&error))?)).boxed())
    }
}

/// The rows with just the columns that are wanted, which may be none.
fn fit(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch, QueryError> {
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let columns = batch.columns().iter().take(schema.fields().len()).cloned().collect();
    let fitted = RecordBatch::try_new_with_options(schema.clone(), columns, &options);
    fitted.map_err(|error| {
        QueryError::Failed(format!("the lake's rows have other columns than its table: {error}"))
    })
}

/// The catalog cannot be asked.
fn away(error: &QueueError) -> QueryError {
    match error.class {
        Class::Bug => QueryError::Failed(error.to_string()),
        _ => QueryError::Unavailable(format!("the lake cannot be read: {error}")),
    }
}

/// A file of the table cannot be read.
fn broken(error: &iceberg::Error) -> QueryError {
    let mut text = error.message().to_owned();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = match inner.downcast_ref::<iceberg::Error>() {
            Some(inner) => format!("{text}: {}", inner.message()),
            None => format!("{text}: {inner}"),
        };
        cause = inner.source();
    }
    QueryError::Unavailable(format!("the lake cannot be read: {text}"))
}
