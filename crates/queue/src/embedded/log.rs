//! The handle that everybody holds.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use logmill_world::World;

use super::config::LogConfig;
use super::cursor::Cursor;
use super::files::Files;
use super::frame::TooLarge;
use super::groups::Membership;
use super::reader::EmbeddedScan;
use super::recover::{self, Active, Recovered};
use super::segment;
use super::shared::{Live, Shared, State};
use super::state::{DROPPED, Lane, LogState, Stored};
use super::unit::{Commit, Inbox, Unit};
use super::writer::Writer;
use crate::contract::{
    Append, AppendError, Appended, BoxFuture, Class, Committed, Depth, Group, Lease, LogId, Note, Offset,
    Partition, Position, Queue, QueueError, QueueLimits, Records, Scan, Start, StartError, Subscription,
    Topic,
};
use crate::keys::{Claim, Keys};

/// How long a repetition waits for the outcome of the first.
const KEY_WAIT: Duration = Duration::from_secs(5);

/// What a start found out, for the operator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// Ranges `(segment, from, to)` that were acknowledged and cannot be read any more.
    pub damaged: Vec<(u64, u32, u32)>,
    /// A range that was never acknowledged and was cut off.
    pub cut: Option<(u64, u32, u32)>,
    /// Files of remembered keys that cannot be read; repetitions of their keys are not recognised.
    pub unreadable_keys: Vec<String>,
}

/// The embedded log. Cheap to clone; the log ends when the last clone and reader are gone.
#[derive(Clone)]
pub struct EmbeddedLog {
    shared: Arc<Shared>,
    keys: Arc<Keys>,
    inbox: Inbox,
}

impl EmbeddedLog {
    /// Opens the log in `config.dir`, or begins a new one there. The caller holds the folder's lock.
    ///
    /// # Errors
    /// The folder or the last segment cannot be read or written. Damaged bytes are no error.
    pub fn open(world: &World, config: &LogConfig) -> Result<(Self, Opened), QueueError> {
        let failed = |e| QueueError::io(format!("cannot open the log in {}", config.dir.display()), e);
        Self::try_open(world, config).map_err(failed)
    }

    fn try_open(world: &World, config: &LogConfig) -> io::Result<(Self, Opened)> {
        world.fs().create_dir_all(&config.dir)?;
        let files = Files::new(world.fs().clone(), config.dir.clone());
        let mut found = recover::recover(&files)?;
        let id = found.log.unwrap_or_else(|| LogId(world.random_id()));
        let mut opened = report(&files, &found);
        if let (Some(active), Some(cut)) = (&found.active, &found.cut) {
            recover::erase(active, cut)?;
        }
        let active = match found.active.take() {
            Some(active) => active,
            None => {
                let (state, now) = (LogState::default(), world.clock().wall());
                let file = files.begin(1, config.segment_bytes.into())?;
                segment::write_snapshot(id, file, 1, &state, now, config.segment_bytes)?
            }
        };
        let keys_dir = config.dir.join("keys");
        let (keys, unreadable) = Keys::open(world.fs().clone(), keys_dir, config.horizon)?;
        for frame in &found.keyed {
            keys.remember(&frame.key, frame.received_at, frame.accepted, frame.lane.1, frame.offset);
        }
        opened.unreadable_keys = unreadable.iter().map(|(p, e)| format!("{}: {e}", p.display())).collect();
        let (inbox, receiver) = Inbox::new(config.partitions, config.max_payload, config.segment_bytes);
        let incarnation = files.incarnation()?;
        let mark = recover::mark_of(&active);
        let (state, file) = visible(&files, found, active)?;
        let shared = Arc::new(Shared::new(world.clone(), config.clone(), files, id, incarnation, state));
        let writer = Writer::new(shared.clone(), keys.clone(), file, mark);
        world.spawn_io("log-writer", Box::pin(writer.run(receiver)))?;
        Ok((Self { shared, keys, inbox }, opened))
    }

    /// The id of the log.
    #[must_use]
    pub fn id(&self) -> LogId {
        self.shared.position_id()
    }

    /// Why appends are refused at the moment, if they are.
    #[must_use]
    pub fn trouble(&self) -> Option<QueueError> {
        self.shared.state().trouble.clone()
    }

    /// How many groups of frames have become durable: one sync each.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.shared.groups()
    }

    /// Groups with a position in this log that no member is reading for now.
    #[must_use]
    pub fn idle_groups(&self) -> Vec<(Group, Topic)> {
        let state = self.shared.state();
        let mut groups: Vec<(Group, Topic)> =
            state.log.positions.keys().map(|(group, lane)| (group.clone(), lane.0.clone())).collect();
        groups.dedup();
        groups.retain(|key| state.members.get(key).is_none_or(|members| members.current.is_none()));
        groups
    }

    /// Forgets a group's positions in all topics, so that it holds back no segment any more. Answers how many.
    ///
    /// # Errors
    /// The log cannot be written, or the group is being read for.
    pub async fn drop_group(&self, group: &Group) -> Result<usize, QueueError> {
        let lanes: Vec<Lane> = {
            let state = self.shared.state();
            let active =
                state.members.iter().any(|((g, _), members)| g == group && members.current.is_some());
            if active {
                return Err(QueueError::new(Class::Invalid, format!("the group {group} is being read for")));
            }
            state.log.positions.keys().filter(|(g, _)| g == group).map(|(_, lane)| lane.clone()).collect()
        };
        for (topic, partition) in &lanes {
            let lease = Lease::new(self.id(), topic.clone(), *partition, 0);
            let committed = Committed { offset: DROPPED, note: Note::default() };
            let commit = Commit { group: group.clone(), lease, stored: Stored { committed, ordinal: 0 } };
            let frame = commit.prepare(self.shared.world.clock().wall()).map_err(|e| too_large(&e))?;
            match self.inbox.send(Unit::new(vec![frame], Some(commit))).await {
                Ok(_) => {}
                Err(AppendError::Refused(error) | AppendError::Unknown(error)) => return Err(error),
                Err(AppendError::InFlight) => return Err(QueueError::new(Class::Bug, "no key was given")),
            }
        }
        Ok(lanes.len())
    }

    async fn append_keyed(&self, append: Append) -> Result<Appended, AppendError> {
        let Some(key) = append.header.key else { return self.store(append, None).await };
        loop {
            let claim = self.keys.claim(&key, append.header.received_at);
            let claim = claim
                .map_err(|e| AppendError::Refused(QueueError::io("the index of keys cannot be read", e)))?;
            match claim {
                Claim::First(guard) => return self.store(append, Some(guard)).await,
                Claim::Wait(waiter) => tokio::select! {
                    biased;
                    // An error only says that the first one is gone: claim again.
                    _ = waiter => {}
                    () = self.shared.world.clock().sleep(KEY_WAIT) => return Err(AppendError::InFlight),
                },
                Claim::Known(seen) if seen.has(&key) => {
                    let first = Position {
                        log: self.shared.position_id(),
                        partition: seen.partition,
                        offset: seen.offset,
                    };
                    return Ok(Appended::Duplicate { first, accepted: seen.accepted });
                }
                Claim::Known(_) => return Ok(Appended::Conflict),
            }
        }
    }

    async fn store(
        &self,
        append: Append,
        in_flight: Option<crate::keys::InFlight>,
    ) -> Result<Appended, AppendError> {
        let frame = self.inbox.prepare(append).map_err(|e| AppendError::Refused(too_large(&e)))?;
        let mut unit = Unit::new(vec![frame], None);
        unit.in_flight = in_flight;
        let missing = || AppendError::Unknown(QueueError::new(Class::Bug, "the writer named no position"));
        self.inbox.send(unit).await?.map(Appended::New).ok_or_else(missing)
    }
}

fn too_large(error: &TooLarge) -> QueueError {
    QueueError::new(Class::Invalid, error.0)
}

/// Names what was lost and keeps a copy of it.
fn report(files: &Files, found: &Recovered) -> Opened {
    for bad in found.damage.iter().chain(&found.cut) {
        if let Err(error) = files.quarantine(bad.segment, bad.from, bad.to) {
            tracing::warn!(segment = bad.segment, from = bad.from, to = bad.to, %error,
                "bytes that cannot be read could not be copied to the quarantine");
        }
    }
    let range = |bad: &recover::Damage| (bad.segment, bad.from, bad.to);
    Opened {
        damaged: found.damage.iter().map(range).collect(),
        cut: found.cut.as_ref().map(range),
        unreadable_keys: Vec::new(),
    }
}

fn visible(
    files: &Files,
    found: Recovered,
    active: Active,
) -> io::Result<(State, Arc<dyn logmill_world::File>)> {
    let file: Arc<dyn logmill_world::File> = active.file.into();
    let live = Live { number: active.number, file: file.clone(), index: Arc::new(active.live) };
    let open = |(number, summary)| Ok((number, Shared::open_closed(files, number, summary)?));
    let closed = found.closed.into_iter().map(open).collect::<io::Result<_>>()?;
    Ok((State { log: found.state, closed, live, members: HashMap::new(), trouble: None }, file))
}

impl Queue for EmbeddedLog {
    fn limits(&self) -> QueueLimits {
        let max_payload = self.shared.config.max_payload.into();
        QueueLimits { max_payload, counts_records: true, shares_partitions: false, relays_anywhere: true }
    }

    fn log_id(&self, _topic: &Topic) -> Result<LogId, QueueError> {
        Ok(self.shared.position_id())
    }

    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(self.append_keyed(append))
    }

    fn subscribe<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a Group,
        _budget: u64,
    ) -> BoxFuture<'a, Result<Box<dyn Subscription>, QueueError>> {
        // Readers fetch one frame at a time, so nothing counts against the budget.
        Box::pin(async move {
            let membership = Membership::join(&self.shared, self.inbox.clone(), topic, group);
            Ok(Box::new(membership) as Box<dyn Subscription>)
        })
    }

    fn scan<'a>(
        &'a self,
        topic: &'a Topic,
        partition: Partition,
        from: Start,
    ) -> BoxFuture<'a, Result<Box<dyn Scan>, StartError>> {
        Box::pin(async move {
            let lane = (topic.clone(), partition);
            let end = self.shared.state().end(&lane).offset;
            let cursor = Cursor::open(&self.shared, &lane, from)?;
            Ok(Box::new(EmbeddedScan { cursor, end }) as Box<dyn Scan>)
        })
    }

    fn partitions<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<Partition>, QueueError>> {
        Box::pin(async move { Ok(self.shared.partitions(topic)) })
    }

    fn bounds<'a>(
        &'a self,
        topic: &'a Topic,
        partition: Partition,
    ) -> BoxFuture<'a, Result<(Offset, Offset), QueueError>> {
        Box::pin(async move {
            let lane = (topic.clone(), partition);
            Ok((self.shared.oldest(&lane).offset, self.shared.state().end(&lane).offset))
        })
    }

    fn committed<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a Group,
    ) -> BoxFuture<'a, Result<Vec<(Partition, Committed)>, QueueError>> {
        Box::pin(async move {
            let state = self.shared.state();
            let ours = state.log.positions.iter().filter(|((g, (t, _)), _)| g == group && t == topic);
            Ok(ours.map(|((_, (_, partition)), stored)| (*partition, stored.committed.clone())).collect())
        })
    }

    fn depth<'a>(&'a self, topic: &'a Topic, group: &'a Group) -> BoxFuture<'a, Result<Depth, QueueError>> {
        Box::pin(async move {
            let (mut frames, mut records) = (0, Records::default());
            for partition in self.shared.partitions(topic) {
                let lane = (topic.clone(), partition);
                let oldest = self.shared.oldest(&lane);
                let state = self.shared.state();
                let end = state.end(&lane);
                let stored = state.log.positions.get(&(group.clone(), lane));
                let (offset, ordinal) =
                    stored.map_or((oldest.offset, oldest.ordinal), |s| (s.committed.offset, s.ordinal));
                frames += end.offset.saturating_sub(offset);
                records.queued += end.ordinal.saturating_sub(ordinal);
                records.accepted += end.ordinal;
            }
            Ok(Depth { frames, records: Some(records) })
        })
    }
}
