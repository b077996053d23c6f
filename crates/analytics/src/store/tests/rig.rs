//! A store on a simulated disk, and ranges of known records.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use logmill_model::{Customer, Format};
use logmill_queue::{LogId, Offset, Partition, Totals};
use logmill_rollup::{Batch, Delta, Families, Micros, Summarizer};
use logmill_world::World;
use logmill_world::sim::{Disk, Image, SimClock, world};

use super::super::{Lane, Range, Source, Store, StoreError, Verdict};
use crate::question::{By, Question, Width, Window};

pub(super) const LOG: LogId = LogId([7; 16]);
pub(super) const MINUTE: u64 = 60;
pub(super) const HOUR: u64 = 3600;

pub(super) struct Rig {
    pub disk: Disk,
    world: World,
    pub store: Store,
    /// Of each partition: the next offset, and what counts its batches.
    partitions: BTreeMap<u16, (Offset, Summarizer)>,
    /// Frames of a partition that are not read.
    pub unread: BTreeMap<u16, u64>,
    /// Partitions that stand still in front of their ends.
    pub still: Vec<u16>,
}

pub(super) fn path() -> &'static Path {
    Path::new("/data/windows.redb")
}

/// A summarized range.
pub(super) struct Counted {
    pub partition: u16,
    pub from: Offset,
    pub to: Offset,
    pub delta: Delta,
    pub highest: Option<Micros>,
}

impl Counted {
    pub(super) fn range(&self) -> Range<'_> {
        static TOTALS: Totals = Totals {
            read: 1,
            delivered: 1,
            deduplicated: 0,
            dead_lettered: 0,
            rejected: 0,
            damaged: 0,
            expired: 0,
        };
        let (partition, highest) = (Partition(self.partition), self.highest);
        Range { partition, from: self.from, to: self.to, delta: &self.delta, highest, totals: &TOTALS }
    }
}

impl Rig {
    pub(super) fn new() -> Self {
        let disk = Disk::new(&Image::default());
        let world = world(1, SimClock::start(), &disk);
        world.fs().create_dir_all(Path::new("/data")).unwrap();
        let store = Store::open(&world, path()).unwrap();
        let rig = Self {
            disk,
            world,
            store,
            partitions: BTreeMap::new(),
            unread: BTreeMap::new(),
            still: Vec::new(),
        };
        let lanes = (0..2).map(|partition| (Partition(partition), Lane::new(LOG, 0))).collect();
        rig.store.set_lanes(&lanes).unwrap();
        rig
    }

    pub(super) fn reopen(mut self) -> Self {
        drop(self.store);
        self.store = Store::open(&self.world, path()).unwrap();
        self
    }

    /// Summarizes batches of (second, path) as the next range of a partition. A frame each.
    pub(super) fn count(&mut self, partition: u16, customer: &str, batches: &[&[(u64, &str)]]) -> Counted {
        let families = || Summarizer::new(Arc::new(Families::load()), 0, None);
        let (next, summarizer) = self.partitions.entry(partition).or_insert_with(|| (0, families()));
        let from = *next;
        for batch in batches {
            let one = |(second, path): &(u64, &str)| {
                let time = crate::write_time(*second);
                format!("{{\"timestamp\":\"{time}\",\"path\":\"{path}\",\"userAgent\":\"curl/8 {path}\"}}")
            };
            let body = format!("[{}]", batch.iter().map(one).collect::<Vec<_>>().join(","));
            let (body, rejected) = (body.as_bytes(), &[]);
            let batch = Batch { customer, format: Format::Json, body, rejected, received_at: Micros::MAX };
            summarizer.add(&batch, |undecoded| panic!("{undecoded:?}"));
            *next += 1;
        }
        Counted { partition, from, to: *next, delta: summarizer.take(), highest: summarizer.highest() }
    }

    pub(super) fn commit(&self, counted: &[&Counted]) -> Result<Vec<Verdict>, StoreError> {
        let bounds = self.partitions.iter().map(|(partition, (next, _))| {
            let unread = self.unread.get(partition).copied().unwrap_or(0);
            (Partition(*partition), (0, next + unread))
        });
        let (bounds, still) =
            (bounds.collect(), self.still.iter().map(|partition| Partition(*partition)).collect());
        let source = Source { log: LOG, allowed_lateness: 0, bounds, still };
        let ranges: Vec<_> = counted.iter().map(|counted| counted.range()).collect();
        self.store.commit(&source, &ranges)
    }

    /// Counts and commits one batch of partition 0.
    pub(super) fn add(&mut self, customer: &str, batch: &[(u64, &str)]) {
        let counted = self.count(0, customer, &[batch]);
        assert_eq!(self.commit(&[&counted]).unwrap(), [Verdict::Counted]);
    }

    pub(super) fn ask(&self, customer: &str, width: Width, by: By, limit: usize) -> Vec<Window> {
        let customer = Customer::parse(customer).unwrap();
        let question = Question { customer, from: 0, to: 4 * 24 * HOUR, width, by, limit };
        self.store.answer(&question).unwrap().windows
    }

    pub(super) fn minutes(&self, customer: &str) -> Vec<Window> {
        self.ask(customer, Width::Minute, By::Path, 100)
    }
}

/// Start, total, revision and whether it is final, of each window.
pub(super) fn short(windows: &[Window]) -> Vec<(u64, u64, u64, bool)> {
    windows.iter().map(|window| (window.start, window.total, window.revision, window.is_final)).collect()
}
