//! Which segments may go.

use std::io;

use logmill_world::Micros;

use super::shared::{Shared, State};
use super::state::Lane;
use crate::contract::{Class, Offset, QueueError};

/// Removes what may go; answers why data cannot be taken at the moment, if so.
pub(crate) fn apply(shared: &Shared) -> Option<QueueError> {
    let space = match shared.world.fs().space(shared.files.dir()) {
        Ok(space) => space,
        Err(error) => {
            return Some(QueueError::io("the free space of the queue's disk cannot be read", error));
        }
    };
    let reserve = shared.config.reserve_bytes;
    let mut free = space.free;
    while let Some((number, bytes)) = next_to_go(shared, free < reserve) {
        if let Err(error) = remove(shared, number, free < reserve) {
            tracing::warn!(segment = number, %error, "a consumed segment could not be removed");
            break;
        }
        free = free.saturating_add(bytes);
    }
    let free = shared.world.fs().space(shared.files.dir()).map_or(free, |space| space.free);
    (free < reserve).then(|| {
        let reason = format!(
            "the disk of {} has {free} bytes free, less than queue.reserve_bytes ({reserve}): make room, \
             or let the sinks catch up",
            shared.files.dir().display()
        );
        QueueError::new(Class::Full, reason)
    })
}

/// The oldest segment, if it is consumed and there is a reason for it to go; with its size.
fn next_to_go(shared: &Shared, low: bool) -> Option<(u64, u64)> {
    let now = shared.world.clock().wall();
    let age = i64::try_from(shared.config.retention_age.as_micros()).unwrap_or(i64::MAX);
    let state = shared.state();
    let (number, oldest) = state.closed.first_key_value()?;
    let bytes: u64 = state.closed.values().map(|closed| u64::from(closed.summary.tail)).sum();
    let too_many = bytes > shared.config.retention_bytes;
    let too_old = newest(&state).is_some_and(|newest| newest < now.saturating_sub(age));
    let consumed = oldest
        .summary
        .lanes
        .iter()
        .all(|(lane, extent)| is_consumed(shared, &state, lane, extent.end.offset));
    // What nobody reads, such as dead letters, goes by size and age alone.
    let was_read = oldest.summary.lanes.keys().all(|lane| state.log.positions.keys().any(|(_, l)| l == lane));
    let goes = consumed && (low && was_read || too_many || too_old);
    goes.then(|| (*number, u64::from(oldest.summary.tail)))
}

/// The latest arrival in the oldest segment. Where nothing of it can be read, it counts as young as the first behind
/// it that tells an arrival.
fn newest(state: &State) -> Option<Micros> {
    let closed = state.closed.values().map(|closed| closed.summary.newest);
    closed.chain([state.live.index.summary.newest]).find(|newest| *newest > 0)
}

/// Whether every group that reads the topic has committed up to `end`.
fn is_consumed(shared: &Shared, state: &State, lane: &Lane, end: Offset) -> bool {
    let committed =
        |(key, stored): (&(_, Lane), &super::state::Stored)| key.1 != *lane || stored.committed.offset >= end;
    // Who reads the topic and has not committed yet needs everything from the oldest frame on.
    let members = state.members.iter().filter(|(_, members)| members.are_there()).map(|(reader, _)| reader);
    let mut readers = members.chain(&shared.config.readers).filter(|(_, topic)| *topic == lane.0);
    let all_began =
        readers.all(|(group, _)| state.log.positions.contains_key(&(group.clone(), lane.clone())));
    all_began && state.log.positions.iter().all(committed)
}

fn remove(shared: &Shared, number: u64, give_back: bool) -> io::Result<()> {
    let closed = shared.state().closed.remove(&number);
    let removed = shared.files.retire(number, give_back);
    if let (Err(_), Some(closed)) = (&removed, closed) {
        shared.state().closed.insert(number, closed);
    } else {
        tracing::info!(segment = number, "a consumed segment was removed");
    }
    removed
}
