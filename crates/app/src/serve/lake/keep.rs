//! Upkeep of the table while the process serves.

use std::sync::Arc;
use std::time::Duration;

use logmill_queue::QueueError;
use logmill_sink_iceberg::{Compacted, Effort, IcebergSink, LakeMetrics, Maintenance, Orphans, Round};
use logmill_world::World;
use tokio::sync::watch;

/// The table is looked after so often: what there is to do depends on the commits since the last time.
const ROUND: Duration = Duration::from_mins(1);
/// Files that nothing names are looked for so often: that reads all manifests.
const CLEAN: Duration = Duration::from_hours(24);

/// Who looks after the table.
pub(crate) struct Keeper {
    pub(super) sink: Arc<IcebergSink>,
    pub(super) maintenance: Maintenance,
    pub(super) metrics: LakeMetrics,
    pub(super) world: World,
    /// None: files that nothing names stay.
    pub(super) older_than: Option<Duration>,
}

impl Keeper {
    /// Looks after the table until `draining` turns true. What is under way then is given up, as in a crash.
    pub(crate) async fn keep(self, mut draining: watch::Receiver<bool>) {
        tokio::select! {
            () = self.rounds() => {}
            _ = draining.wait_for(|draining| *draining) => {}
        }
    }

    async fn rounds(&self) {
        let clock = self.world.clock();
        // At any time of its first day, so that a process that is started each day does it as often as others.
        let first = self.world.random_below(u64::try_from(CLEAN.as_micros()).unwrap_or(u64::MAX));
        let mut clean_at = clock.monotonic() + Duration::from_micros(first);
        loop {
            clock.sleep(ROUND).await;
            if !self.sink.leads() {
                continue;
            }
            if let Err(error) = self.tidy().await {
                tracing::warn!(%error, "the lake could not be looked after; it is tried again");
            }
            if clock.monotonic() >= clean_at {
                clean_at = clock.monotonic() + CLEAN;
                self.clean().await;
            }
        }
    }

    async fn tidy(&self) -> Result<(), QueueError> {
        let Round { snapshots, files, merged } = self.maintenance.round().await?;
        if snapshots > 0 || merged > 0 {
            let text = "old snapshots of the lake were removed, small manifests merged";
            tracing::info!(snapshots, files, merged, "{text}");
        }
        let done = self.maintenance.compact(Effort::Steady).await?;
        self.metrics.compacted(&done);
        if done.commits > 0 {
            let Compacted { files_before, files_after, bytes_before, bytes_after, .. } = done;
            let text = "small files of the lake were merged";
            tracing::info!(files_before, files_after, bytes_before, bytes_after, "{text}");
        }
        for (day, error) in done.failures {
            tracing::warn!(day, %error, "the small files of a day could not be merged; it is tried again");
        }
        Ok(())
    }

    async fn clean(&self) {
        let Some(older_than) = self.older_than else { return };
        match self.maintenance.orphans(older_than, false).await {
            Ok(Orphans { files: 0, .. }) => {}
            Ok(Orphans { files, bytes, left, .. }) => {
                tracing::info!(files, bytes, left, "files of the lake that nothing names were removed");
            }
            Err(error) => {
                let text = "no files of the lake were removed that nothing names; it is tried again tomorrow";
                tracing::warn!(%error, "{text}");
            }
        }
    }
}
