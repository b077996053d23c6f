//! A catalog that answers something else than what happened.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use logmill_queue::{BoxFuture, Class, QueueError};
use logmill_sink_iceberg::catalog::{Answer, Base, Catalog, Change, Creation, TableName};

/// What becomes of one commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// As asked.
    Pass,
    /// A conflict that is none.
    Conflict,
    /// Not applied, and nobody knows.
    LostBefore,
    /// Applied, and nobody knows.
    LostAfter,
    /// Refused.
    Refused,
    /// Nobody knows, and it arrives only when `release` is called.
    Late,
}

/// The faults of the next commits, then none.
pub(crate) struct Faulty {
    inner: Arc<dyn Catalog>,
    plan: Mutex<VecDeque<Fault>>,
    late: Mutex<Vec<(TableName, Base, Change)>>,
    pub(crate) commits: std::sync::atomic::AtomicU64,
    is_away: std::sync::atomic::AtomicBool,
}

impl Faulty {
    pub(crate) fn new(inner: Arc<dyn Catalog>, plan: &[Fault]) -> Arc<Self> {
        Arc::new(Self {
            inner,
            plan: Mutex::new(plan.iter().copied().collect()),
            late: Mutex::default(),
            commits: 0.into(),
            is_away: false.into(),
        })
    }

    pub(crate) fn next(&self, plan: &[Fault]) {
        *self.plan.lock().unwrap() = plan.iter().copied().collect();
    }

    pub(crate) fn away(&self, is_away: bool) {
        self.is_away.store(is_away, std::sync::atomic::Ordering::Relaxed);
    }

    /// Lets the commits arrive that were late; answers how many came into the table.
    pub(crate) async fn release(&self) -> usize {
        let late: Vec<_> = self.late.lock().unwrap().drain(..).collect();
        let mut applied = 0;
        for (table, base, change) in late {
            applied +=
                usize::from(matches!(self.inner.commit(&table, &base, change).await, Answer::Committed));
        }
        applied
    }

    fn away_now(&self) -> Option<QueueError> {
        let is_away = self.is_away.load(std::sync::atomic::Ordering::Relaxed);
        is_away.then(|| QueueError::new(Class::Unavailable, "the catalog is away"))
    }
}

fn unknown() -> Answer {
    Answer::Unknown(QueueError::new(Class::Unavailable, "no answer"))
}

impl Catalog for Faulty {
    fn load<'a>(&'a self, table: &'a TableName) -> BoxFuture<'a, Result<Option<Base>, QueueError>> {
        if let Some(error) = self.away_now() {
            return Box::pin(async { Err(error) });
        }
        self.inner.load(table)
    }

    fn create<'a>(
        &'a self,
        table: &'a TableName,
        creation: Creation,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        self.inner.create(table, creation)
    }

    fn writes_metadata(&self) -> bool {
        self.inner.writes_metadata()
    }

    fn hides_states(&self) -> BoxFuture<'_, Result<bool, QueueError>> {
        self.inner.hides_states()
    }

    fn commit<'a>(&'a self, table: &'a TableName, base: &'a Base, change: Change) -> BoxFuture<'a, Answer> {
        self.commits.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let fault = self.plan.lock().unwrap().pop_front().unwrap_or(Fault::Pass);
        Box::pin(async move {
            match fault {
                Fault::Pass => self.inner.commit(table, base, change).await,
                Fault::Conflict => Answer::Conflict("so it says".to_owned()),
                Fault::LostBefore => unknown(),
                Fault::LostAfter => match self.inner.commit(table, base, change).await {
                    Answer::Committed => unknown(),
                    other => other,
                },
                Fault::Refused => Answer::Refused(QueueError::new(Class::Unavailable, "no")),
                Fault::Late => {
                    self.late.lock().unwrap().push((table.clone(), base.clone(), change));
                    unknown()
                }
            }
        })
    }
}
