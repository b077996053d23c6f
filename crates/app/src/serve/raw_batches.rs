//! Batches in an object store.

use std::sync::Arc;

use logmill_queue::Queue;
use logmill_raw_batches::{Objects, RawBatches, RawConfig};
use logmill_store::Store;

use super::parts;
use crate::settings::{Role, Settings};

/// The store of raw batches, if the settings name one.
fn store(settings: &Settings) -> anyhow::Result<Option<Store>> {
    let raw = &settings.raw_batches;
    if raw.url.is_empty() { Ok(None) } else { parts::store("raw_batches.url", &raw.url, &raw.s3).map(Some) }
}

/// Where batches lie that are not in the queue.
pub(crate) fn objects(settings: &Settings) -> anyhow::Result<Objects> {
    let config =
        RawConfig { above: settings.raw_batches.above, max_payload: settings.limits.max_batch_bytes };
    Ok(store(settings)?.map_or_else(Objects::default, |store| Objects::new(store, config)))
}

/// The queue as everybody sees it. Without a store of raw batches too: what was put into one before must not be taken for
/// a batch.
pub(crate) fn around(settings: &Settings, queue: Arc<dyn Queue>) -> anyhow::Result<Arc<dyn Queue>> {
    Ok(Arc::new(RawBatches::new(queue, objects(settings)?)))
}

/// Tells in the log if a door cannot write the store, instead of with the first large batch. To be called on a runtime.
pub(super) fn look(settings: &Settings) -> anyhow::Result<()> {
    if let Some(store) = store(settings)?.filter(|_| settings.roles.has(Role::Ingest)) {
        tokio::spawn(async move {
            if let Err(error) = store.look().await {
                tracing::warn!(%error, "raw_batches.url: large batches are refused");
            }
        });
    }
    Ok(())
}
