//! The room as a whole: what the binary wires together.

use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use logmill_queue::{LogId, Offset, Partition, Queue, Sink, Totals};
use logmill_world::World;
use tokio::sync::watch;

use crate::api::{Refused, Windows};
use crate::config::AnalyticsConfig;
use crate::core::Core;
use crate::keeper::Keeper;
use crate::question::{Answer, Question};
use crate::recount::Recount;
use crate::sink::AnalyticsSink;
use crate::store::{Lane, Standing, StoreError};

/// Counts, summaries, events and answers of one data folder.
pub struct Analytics {
    core: Arc<Core>,
    queue: Arc<dyn Queue>,
    sink: Arc<AnalyticsSink>,
    trouble: Arc<Mutex<Option<String>>>,
}

impl Analytics {
    /// Touches no file yet. The sink has to get all partitions: it needs a group that no other process is in, since counts of some
    /// partitions would be taken for counts of all.
    #[must_use]
    pub fn new(world: World, queue: Arc<dyn Queue>, config: AnalyticsConfig) -> Self {
        let core = Arc::new(Core::new(world, config));
        let sink = Arc::new(AnalyticsSink::new(core.clone(), queue.clone()));
        Self { core, queue, sink, trouble: Arc::default() }
    }

    /// The id of the store, which is made if it is absent. Blocks on files.
    ///
    /// # Errors
    /// The store cannot be opened or made.
    pub fn store_id(&self) -> Result<[u8; 16], AnalyticsError> {
        Ok(self.core.with(crate::store::Store::state)?.id)
    }

    /// Forgets where the counts ended, and goes on at `positions` of the log; what was counted stays. The log holds `before` records in
    /// front of these positions, which will never be counted. Nothing else may count meanwhile. Blocks on files.
    ///
    /// # Errors
    /// The store cannot be opened or written.
    pub fn adopt(
        &self,
        log: LogId,
        positions: &[(Partition, Offset)],
        before: u64,
    ) -> Result<(), AnalyticsError> {
        let lane = |(partition, next): &(Partition, Offset)| (*partition, Lane::new(log, *next));
        let mut lanes: BTreeMap<_, _> = positions.iter().map(lane).collect();
        if let Some(first) = lanes.values_mut().next() {
            first.totals = Totals { read: before, expired: before, ..Totals::default() };
        }
        Ok(self.core.with(|store| store.set_lanes(&lanes))?)
    }

    /// Counts batches.
    #[must_use]
    pub fn sink(&self) -> Arc<dyn Sink> {
        self.sink.clone()
    }

    /// Writes summaries and sends events until `drain` says so.
    pub fn keep(&self, drain: watch::Receiver<bool>) -> impl Future<Output = ()> + Send + 'static {
        let (core, queue, trouble) = (self.core.clone(), self.queue.clone(), self.trouble.clone());
        Keeper { core, queue, trouble }.run(drain)
    }

    /// Why summaries or events have to wait.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers questions.
    #[must_use]
    pub fn windows(&self) -> Arc<dyn Windows> {
        self.core.clone()
    }

    /// Begins to count hours (since 1970, UTC) anew. Nothing else may count meanwhile.
    ///
    /// # Errors
    /// The store cannot be opened or written.
    pub fn recount(&self, hours: Range<u32>) -> Result<Recount, AnalyticsError> {
        Recount::begin(self.core.clone(), hours)
    }

    /// Late records ever, and commits that counted something, as of the last commit of this process.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.sink.figures()
    }
}

/// Why something cannot be done with the store.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct AnalyticsError(String);

impl From<StoreError> for AnalyticsError {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

/// Figures of the counts; they never fall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Late records, ever.
    pub late_records: u64,
    /// Commits that counted something, ever.
    pub commits: u64,
}

impl Windows for Core {
    fn answer(&self, question: &Question) -> Result<Answer, Refused> {
        let answer = self.with(|store| match self.standing(store)? {
            Standing::Whole => Ok(Ok(store.answer(question)?)),
            Standing::Anew(left) => {
                Ok(Err(Refused::Behind(format!("{left} batches are still to be counted"))))
            }
            Standing::Beginning => Ok(Err(Refused::Unavailable("counting has not begun yet".to_owned()))),
        });
        answer.unwrap_or_else(|error| {
            Err(match error {
                StoreError::TooLarge => Refused::TooLarge(error.to_string()),
                other => Refused::Unavailable(other.to_string()),
            })
        })
    }
}
