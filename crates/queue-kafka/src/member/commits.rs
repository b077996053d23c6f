//! Commits under way: one a partition at a time, so that librdkafka's repetitions keep their order.

use std::collections::{BTreeMap, VecDeque};

use logmill_queue::{CommitError, Partition};
use rdkafka::TopicPartitionList;
use rdkafka::error::{KafkaResult, RDKafkaErrorCode};

use super::{Commit, MemberConsumer};
use crate::error::{code, commit_error};
use crate::native;

/// The commits of one partition.
#[derive(Default)]
struct Lane {
    under_way: Option<Commit>,
    waiting: VecDeque<Commit>,
}

/// The commits of a member.
#[derive(Default)]
pub(crate) struct Commits(BTreeMap<Partition, Lane>);

impl Commits {
    /// Takes a commit on, and sends it unless another one of its partition is under way.
    pub(crate) fn add(&mut self, commit: Commit, consumer: &MemberConsumer, topic: &str) {
        let lane = self.0.entry(commit.lease.partition).or_default();
        lane.waiting.push_back(commit);
        lane.advance(consumer, topic);
    }

    /// The answer to the commit under way of a partition, or of all if the answer names none.
    pub(crate) fn answered(
        &mut self,
        partition: Option<Partition>,
        result: Result<(), RDKafkaErrorCode>,
        consumer: &MemberConsumer,
        topic: &str,
    ) {
        let meant = |of: &Partition| partition.is_none_or(|partition| partition == *of);
        for (_, lane) in self.0.iter_mut().filter(|(of, _)| meant(of)) {
            if let Some(commit) = lane.under_way.take() {
                let answer = result.map_err(|code| commit_error(code, &commit.lease));
                commit.answer(answer);
            }
            lane.advance(consumer, topic);
        }
    }
}

impl Lane {
    fn advance(&mut self, consumer: &MemberConsumer, topic: &str) {
        while self.under_way.is_none() {
            let Some(commit) = self.waiting.pop_front() else { return };
            if !commit.lease.is_held() {
                commit.answer(Err(CommitError::Fenced));
                continue;
            }
            match send(&commit, consumer, topic) {
                Ok(()) => self.under_way = Some(commit),
                Err(error) => {
                    let answer = commit_error(code(&error), &commit.lease);
                    commit.answer(Err(answer));
                }
            }
        }
    }
}

impl Commit {
    fn answer(self, answer: Result<(), CommitError>) {
        // Who dropped the future has nothing to learn.
        let _ = self.reply.send(answer);
    }
}

fn send(commit: &Commit, consumer: &MemberConsumer, topic: &str) -> KafkaResult<()> {
    let list = position(topic, commit.lease.partition, commit.upto, commit.note.as_str())?;
    native::commit(consumer, &list)
}

/// A position with its note.
pub(crate) fn position(
    topic: &str,
    partition: Partition,
    upto: u64,
    note: &str,
) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(1);
    let mut element = list.add_partition(topic, i32::from(partition.0));
    element.set_offset(rdkafka::Offset::Offset(i64::try_from(upto).unwrap_or(i64::MAX)))?;
    element.set_metadata(note);
    Ok(list)
}
