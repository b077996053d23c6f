//! Deciding about staged frames, one partition's.

use std::io;
use std::sync::Arc;

use logmill_queue::keys::Keys;
use logmill_queue::letter::{Letter, Sender};
use logmill_queue::{Append, Frame, LogId, Partition, Route, Topic};
use logmill_world::{Micros, World};

use super::{Verdict, number_of};

/// Why a batch whose sender was told that it is stored becomes a dead letter.
const CONFLICT: &str = "key_conflict: another batch came before with the same idempotency key";

/// Where an index sends what it decides.
#[derive(Clone)]
pub(super) struct Outputs {
    /// First copies, and what has no key.
    pub topic: Topic,
    pub verdicts: Topic,
    /// Conflicts.
    pub letters: Sender,
}

/// The keys of one partition.
pub(super) struct Index {
    pub world: World,
    pub keys: Arc<Keys>,
    pub outputs: Outputs,
    /// Of the partition of staged frames.
    pub log: LogId,
    pub partition: Partition,
    /// The latest arrival so far: what is forgotten goes by it, and by no clock.
    pub latest: Micros,
}

impl Index {
    /// What a verdict of before says.
    pub(super) fn learn(&mut self, verdict: &Verdict) -> io::Result<()> {
        let Verdict { received_at, accepted, first, .. } = *verdict;
        self.keys.remember(&verdict.key(), received_at, accepted, self.partition, first);
        self.latest = self.latest.max(received_at);
        self.tidy()
    }

    /// What goes out for a staged frame. What it says of the key is known here from now on, so that an index whose
    /// outputs were not stored must not be used again.
    pub(super) fn decide(&mut self, frame: Frame) -> io::Result<Vec<Append>> {
        let Some(key) = frame.header.key else { return Ok(vec![self.pass_on(frame, &[0; 16])]) };
        let (offset, received_at) = (frame.offset, frame.header.received_at);
        self.latest = self.latest.max(received_at);
        if let Some(seen) = self.keys.find(&key, received_at)? {
            let mut out = vec![self.verdict(Verdict::new(key.hash, &seen, offset))];
            if !seen.has(&key) {
                out.push(self.letter(frame));
            }
            return Ok(out);
        }
        let accepted = frame.header.accepted();
        let seen = self.keys.remember(&key, received_at, accepted, self.partition, offset);
        let verdict = self.verdict(Verdict { received_at, ..Verdict::new(key.hash, &seen, offset) });
        Ok(vec![self.pass_on(frame, &key.hash), verdict])
    }

    /// Keeps what lies in memory small.
    pub(super) fn tidy(&self) -> io::Result<()> {
        if self.keys.is_heavy() {
            // A door whose clock is ahead must not make us forget.
            let now = self.latest.min(self.world.clock().wall());
            self.keys.seal(now)?;
            self.keys.merge_beside(&self.world, now);
        }
        Ok(())
    }

    fn pass_on(&self, frame: Frame, hash: &[u8; 16]) -> Append {
        let (topic, route) = (self.outputs.topic.clone(), Route::Hash(number_of(hash)));
        Append { topic, route, header: frame.header, payload: frame.payload }
    }

    fn verdict(&self, verdict: Verdict) -> Append {
        verdict.append(&self.outputs.verdicts, self.partition)
    }

    fn letter(&self, frame: Frame) -> Append {
        let letter = Letter { frame, index: None, payload: None, reason: CONFLICT.to_owned() };
        self.outputs.letters.append(self.log, self.partition, &letter, self.world.clock().wall())
    }
}
