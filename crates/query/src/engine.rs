//! From a statement to its rows.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::error::{DataFusionError, Result as Planned};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryPool};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::SessionContext;
use datafusion::sql::TableReference;
use futures_util::StreamExt;
use logmill_world::World;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::answer::{Answer, Piece, Running};
use crate::config::{Limits, Sources};
use crate::error::{Limit, QueryError};
use crate::faults;
use crate::lake::LakeTable;
use crate::metrics::{QueryMetrics, Taken};
use crate::session::{self, CATALOG};
use crate::statement::{self, Statement};
use crate::stats::Stats;
use crate::web::{WEB_LOGS, WebTable};

/// Batches that wait for who reads the answer.
const AHEAD: usize = 2;
/// The schema of the tables where there is no lake.
const NAMESPACE: &str = "default";

/// Bytes of stack that each thread has to have: a statement is read and planned by recursion, and the deepest one that is taken has to fit in
/// a build without optimisation, too. Only what is used takes memory.
pub const STACK: usize = 32 << 20;

/// A question.
#[derive(Clone, Debug)]
pub struct Question {
    /// The statement.
    pub sql: String,
    /// At most so many rows of its answer are wanted; does nothing to `EXPLAIN`.
    pub first: Option<usize>,
}

/// Answers questions, on threads that do nothing else.
pub struct Engine {
    world: World,
    threads: Handle,
    sources: Sources,
    limits: Limits,
    metrics: QueryMetrics,
    memory: Arc<dyn MemoryPool>,
    turns: Arc<Semaphore>,
}

/// What the task of a question tells first.
type Begun = Result<SchemaRef, QueryError>;

impl Engine {
    /// Answers on the threads of `threads`, which have [`STACK`] bytes of stack.
    #[must_use]
    pub fn new(
        world: World,
        threads: Handle,
        sources: Sources,
        limits: Limits,
        metrics: QueryMetrics,
    ) -> Arc<Self> {
        let memory = Arc::new(GreedyMemoryPool::new(limits.memory));
        let turns = Arc::new(Semaphore::new(limits.concurrency));
        Arc::new(Self { world, threads, sources, limits, metrics, memory, turns })
    }

    /// Plans a question and begins to answer it.
    ///
    /// # Errors
    /// See [`QueryError`]. What goes wrong later comes with the rows.
    pub async fn ask(self: &Arc<Self>, question: Question) -> Result<Answer, QueryError> {
        let turn = self.turns.clone().try_acquire_owned().map_err(|_| self.busy())?;
        let (stats, (begin, begun)) = (Arc::new(Stats::default()), oneshot::channel());
        let (sender, pieces) = mpsc::channel(AHEAD);
        let work = self.clone().work(question, stats.clone(), begin, sender, turn);
        let running = Running(self.threads.spawn(work));
        let schema = begun.await.unwrap_or_else(|_| {
            Err(QueryError::Failed("the question ended out of order; the log says why".to_owned()))
        })?;
        Ok(Answer { schema, stats, pieces, _running: running })
    }

    fn busy(&self) -> QueryError {
        self.metrics.refused();
        let most = self.limits.concurrency;
        QueryError::Busy(format!(
            "{most} questions are being answered, more are not taken at once (query.concurrency); repeat later"
        ))
    }

    /// Does a question within its time. Its turn ends before the last error waits for who reads.
    async fn work(
        self: Arc<Self>,
        question: Question,
        stats: Arc<Stats>,
        begin: oneshot::Sender<Begun>,
        sender: mpsc::Sender<Piece>,
        turn: OwnedSemaphorePermit,
    ) {
        let mut taken = Taken::new(&self.metrics, &self.world, &stats);
        let mut begin = Some(begin);
        let done = tokio::select! {
            biased;
            done = self.run(question, &stats, &mut begin, &sender) => done,
            () = self.world.clock().sleep(self.limits.timeout) => Err(self.too_long()),
        };
        taken.ended(&done);
        drop((turn, taken));
        // Nobody may be there any more to hear of it.
        match (done, begin.take()) {
            (Err(error), Some(begin)) => drop(begin.send(Err(error))),
            (Err(error), None) => drop(sender.send(Piece::Error(error)).await),
            (Ok(_), _) => drop(sender.send(Piece::End).await),
        }
    }

    /// Answers whether all rows were taken.
    async fn run(
        &self,
        question: Question,
        stats: &Arc<Stats>,
        begin: &mut Option<oneshot::Sender<Begun>>,
        sender: &mpsc::Sender<Piece>,
    ) -> Result<bool, QueryError> {
        let mut rows = self.begin(question, stats).await?;
        if let Some(begin) = begin.take() {
            let _ = begin.send(Ok(rows.schema()));
        }
        let mut sent = 0;
        while let Some(batch) = rows.next().await {
            let batch = batch.map_err(|error| self.explain(&error))?;
            sent += batch.num_rows() as u64;
            if sent > self.limits.max_rows {
                return Err(self.too_many());
            }
            if sender.send(Piece::Rows(batch)).await.is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads, checks and plans a statement.
    async fn begin(
        &self,
        question: Question,
        stats: &Arc<Stats>,
    ) -> Result<SendableRecordBatchStream, QueryError> {
        let statement = statement::read(&question.sql)?;
        let state = session::state(&self.limits, self.memory.clone(), self.namespace())
            .map_err(|error| self.explain(&error))?;
        let context = SessionContext::new_with_state(state);
        self.register(&context, &statement, stats).await?;
        let state = context.state();
        let plan = state.statement_to_plan(statement.inner).await.map_err(|error| self.explain(&error))?;
        statement::check(&plan)?;
        let plan = cut(plan, question.first).map_err(|error| self.explain(&error))?;
        let plan = state.create_physical_plan(&plan).await.map_err(|error| self.explain(&error))?;
        execute_stream(plan, state.task_ctx()).map_err(|error| self.explain(&error))
    }

    fn namespace(&self) -> String {
        let lake = self.sources.lake.as_ref();
        lake.map_or_else(|| NAMESPACE.to_owned(), |lake| lake.table.namespace.join("."))
    }

    /// Opens the tables that the statement names, and no others.
    async fn register(
        &self,
        context: &SessionContext,
        statement: &Statement,
        stats: &Arc<Stats>,
    ) -> Result<(), QueryError> {
        let named = context.state().resolve_table_references(&statement.inner);
        let (namespace, mut wanted) = (self.namespace(), BTreeMap::new());
        for reference in named.map_err(|error| self.explain(&error))? {
            let ours = reference.catalog().is_none_or(|catalog| catalog == CATALOG)
                && reference.schema().is_none_or(|schema| schema == namespace);
            let name = reference.table().to_owned();
            match if ours { self.open(&name, stats).await? } else { None } {
                Some(table) => wanted.insert(name, table),
                None => return Err(faults::no_table(&reference, &self.names(), &self.sources.absent)),
            };
        }
        for (name, table) in wanted {
            let registered = context.register_table(TableReference::bare(name), table);
            registered.map_err(|error| self.explain(&error))?;
        }
        Ok(())
    }

    async fn open(
        &self,
        name: &str,
        stats: &Arc<Stats>,
    ) -> Result<Option<Arc<dyn TableProvider>>, QueryError> {
        if let Some(lake) = self.sources.lake.as_ref().filter(|lake| lake.table.table == name) {
            return Ok(Some(Arc::new(LakeTable::open(&self.world, lake, stats.clone()).await?)));
        }
        let web = self.sources.web.as_ref().filter(|_| name == WEB_LOGS);
        Ok(web.map(|web| -> Arc<dyn TableProvider> {
            Arc::new(WebTable::new(self.world.clone(), web.clone(), stats.clone()))
        }))
    }

    /// The tables that there are.
    fn names(&self) -> Vec<String> {
        let lake = self.sources.lake.iter().map(|lake| lake.table.table.clone());
        lake.chain(self.sources.web.iter().map(|_| WEB_LOGS.to_owned())).collect()
    }

    fn explain(&self, error: &DataFusionError) -> QueryError {
        faults::explain(error, &self.limits)
    }

    fn too_long(&self) -> QueryError {
        let text = format!(
            "the answer takes longer than {:?} (query.timeout): ask for a shorter time or fewer columns, or raise it",
            self.limits.timeout
        );
        QueryError::Limit { limit: Limit::Time, text }
    }

    fn too_many(&self) -> QueryError {
        let text = format!(
            "the answer has more than {} rows (query.max_rows): ask for less with WHERE, GROUP BY or LIMIT, or raise it",
            self.limits.max_rows
        );
        QueryError::Limit { limit: Limit::Rows, text }
    }
}

fn cut(plan: LogicalPlan, first: Option<usize>) -> Planned<LogicalPlan> {
    match (first, &plan) {
        (None, _) | (_, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_)) => Ok(plan),
        (first, _) => LogicalPlanBuilder::from(plan).limit(0, first)?.build(),
    }
}
