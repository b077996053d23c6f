//! What is done beside counting: summaries and events, every interval.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use logmill_queue::Queue;
use tokio::sync::watch;

use crate::core::Core;
use crate::events;
use crate::store::{Standing, StoreError};
use crate::summaries::{self, Round};

/// A round that took long is followed by a pause of so many times its duration, so that it never takes most of a core.
const REST: u32 = 4;

/// Writes summaries and sends events until `drain` says so.
pub(crate) struct Keeper {
    pub core: Arc<Core>,
    pub queue: Arc<dyn Queue>,
    /// What does not work, in words.
    pub trouble: Arc<Mutex<Option<String>>>,
}

impl Keeper {
    pub(crate) async fn run(self, mut drain: watch::Receiver<bool>) {
        let mut pause = self.core.config.interval;
        loop {
            tokio::select! {
                () = self.core.world.clock().sleep(pause) => {}
                _ = drain.wait_for(|draining| *draining) => return,
            }
            let began = self.core.world.clock().monotonic();
            let trouble = self.round().await;
            if let Some(trouble) = &trouble {
                tracing::warn!(trouble, "summaries or events of late records have to wait");
            }
            *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
            pause = self.pause(self.core.world.clock().monotonic().saturating_sub(began));
        }
    }

    fn pause(&self, took: Duration) -> Duration {
        self.core.config.interval.max(took * REST)
    }

    /// Does what there is to do; answers what does not work.
    async fn round(&self) -> Option<String> {
        let core = self.core.clone();
        match self.core.on_thread(move |store| core.standing(store)).await {
            Ok(Standing::Whole) => {}
            // Half of the counts would replace good summaries.
            Ok(Standing::Beginning | Standing::Anew(_)) => return None,
            Err(error) => return Some(error.to_string()),
        }
        let summaries = self.summaries().await;
        let summaries = summaries.unwrap_or_else(|error| Some(error.to_string()));
        let events = events::send(&self.core, &self.queue).await;
        summaries.or(events.err().map(|error| error.to_string()))
    }

    async fn summaries(&self) -> Result<Option<String>, StoreError> {
        let (mut after, mut failed) = (None, None);
        loop {
            let core = self.core.clone();
            let work =
                move |store: &_| summaries::write_some(&core.world, &core.config, store, after.as_ref());
            let Round { last, failed: now } = self.core.on_thread(work).await?;
            failed = failed.or(now.map(|error| format!("a summary cannot be written: {error}")));
            if last.is_none() {
                return Ok(failed);
            }
            after = last;
        }
    }
}
