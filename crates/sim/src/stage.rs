//! The machine that outlives the process: its disk, its clock, and who watches it from outside.

use std::path::Path;
use std::time::Duration;

use logmill_pipeline::SinkState;
use logmill_queue::embedded::LogConfig;
use logmill_queue::{Depth, Topic, Totals};
use logmill_world::Micros;
use logmill_world::sim::{Disk, Image};
use tokio::runtime::Builder;

use crate::follower::{Files, Follower, files_of};
use crate::life::Life;
use crate::oracle::Shared;
use crate::plan::{Ending, LifePlan, Settings};
use crate::{Checked, Violation};

/// The data folder.
pub(crate) const DATA: &str = "/data";
/// The folder of the log, inside of the data folder.
pub const QUEUE: &str = "/data/queue";
/// The folder of the hourly files.
pub const FILES: &str = "/files";
/// Longer than any run, so that jumps of the clock leave no doubt about repetitions.
const HORIZON: Duration = Duration::from_secs(90 * 86_400);

/// What a life was like.
#[derive(Clone, Debug)]
pub struct Lived {
    /// How the sink stood at the end.
    pub sink: SinkState,
    /// What became of all records, by the sink's own account.
    pub totals: Totals,
    /// What the sink had not committed, when it was last asked.
    pub depth: Depth,
    /// Whether the machine went down by itself.
    pub crashed: bool,
}

/// The machine over all lives of a run.
pub struct Stage {
    /// What stays the same.
    pub settings: Settings,
    /// What was appended.
    pub oracle: Shared,
    pub(crate) topic: Topic,
    pub(crate) disk: Disk,
    pub(crate) follower: Follower,
    /// How far the wall clock is from where each simulation begins.
    pub(crate) wall: Micros,
    operations: u64,
}

impl Stage {
    /// A machine with an empty disk.
    ///
    /// # Errors
    /// None that can happen: the topic's name is a constant.
    pub fn new(settings: Settings) -> Checked<Self> {
        let topic = Topic::new("web").map_err(|error| error.to_string())?;
        Ok(Self {
            settings,
            oracle: Shared::new(topic.clone()),
            topic,
            disk: Disk::new(&Image::default()),
            follower: Follower::default(),
            wall: 0,
            operations: 0,
        })
    }

    pub(crate) fn log_config(&self, name: &str, partitions: u16) -> LogConfig {
        LogConfig {
            dir: Path::new(QUEUE).join(name),
            partitions,
            segment_bytes: 1 << 20,
            max_payload: 1 << 18,
            retention_bytes: self.settings.retention_bytes,
            retention_age: HORIZON,
            reserve_bytes: 1 << 18,
            horizon: HORIZON,
            readers: Vec::new(),
        }
    }

    /// Runs one life and leaves the disk as its end leaves it.
    ///
    /// # Errors
    /// Whatever did not hold during the life.
    pub fn live(&mut self, plan: &LifePlan) -> Checked<Lived> {
        let lived = self.within(async |stage| Life::begin(stage, plan)?.run(stage, plan).await)?;
        self.oracle.lock().forget_flights();
        self.oracle.lock().verdict()?;
        self.end(plan.ending, lived.crashed);
        Ok(lived)
    }

    /// Runs `work` as a process: everything that it started is gone afterwards.
    pub(crate) fn within<T>(&mut self, work: impl AsyncFnOnce(&mut Self) -> Checked<T>) -> Checked<T> {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
        runtime.block_on(work(self))
    }

    fn end(&mut self, ending: Ending, crashed: bool) {
        match ending {
            Ending::PowerCut(seed) | Ending::DrainAndPowerCut(seed) => {
                let image = self.disk.power_cut(seed);
                self.insert(&image);
            }
            // The disk stays in use as it is, so that what was not synced can still be lost later.
            Ending::Kill | Ending::Drain if !crashed => self.disk.set_capacity(None),
            Ending::Kill | Ending::Drain => drop(self.take_out()),
        }
    }

    /// Stops the machine; what the page cache shows becomes the disk.
    #[must_use]
    pub fn take_out(&mut self) -> Image {
        let image = self.disk.killed();
        self.insert(&image);
        image
    }

    /// Starts over with this content of the disk.
    pub fn insert(&mut self, image: &Image) {
        self.operations += self.disk.operations();
        self.disk = Disk::new(image);
    }

    /// Changes of the disk so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.operations + self.disk.operations()
    }

    pub(crate) fn observe(&mut self, files: &Files) -> Checked {
        self.follower.observe(files)
    }

    /// What a reader sees at this moment; the machine is down afterwards.
    pub(crate) fn last_look(&mut self) -> Checked {
        let files = files_of(&self.disk.killed());
        self.observe(&files)
    }
}

/// Says in which part of a run something did not hold.
pub(crate) fn within(part: impl std::fmt::Display) -> impl FnOnce(Violation) -> Violation {
    move |violation| format!("{part}: {violation}")
}
