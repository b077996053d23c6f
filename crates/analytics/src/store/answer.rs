//! Answers, computed from the runs of the hours.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

use logmill_rollup::{Agents, Kind, Micros, Posting, Sum, walk};
use redb::{ReadOnlyTable, ReadableDatabase};

use super::hour::{Fetch, Source, fetch};
use super::rows::{CHUNKS, HEADS, Head, MinuteTotal, STATE, hour_key};
use super::top::Top;
use super::{Store, StoreError, get, state};
use crate::question::{Answer, By, Distinct, Question, Width, Window};

/// Keys that an answer may hold in memory, in bytes.
const MAX_BYTES: isize = 16 << 20;
/// Runs that a question may have to read, in bytes: more takes seconds.
const MAX_READ: u64 = 256 << 20;
const HOUR: u64 = 3600;

type Rows = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// What the windows of one question are made from.
struct Reading<'q> {
    question: &'q Question,
    heads: Rows,
    chunks: Rows,
    frontier: Option<Micros>,
    /// Bytes that may still be read.
    left: Cell<u64>,
    bytes: Cell<isize>,
}

/// A window that is still added to.
struct Partial {
    total: MinuteTotal,
    top: Top,
}

impl Store {
    /// Answers a question, unless it has to read too much for it. Nothing of the file is held when it returns.
    pub(crate) fn answer(&self, question: &Question) -> Result<Answer, StoreError> {
        self.answer_within(question, MAX_READ)
    }

    /// Answers a question for which at most `max_read` bytes have to be read.
    pub(crate) fn answer_within(&self, question: &Question, max_read: u64) -> Result<Answer, StoreError> {
        let read = self.db.begin_read()?;
        let reading = Reading {
            question,
            heads: read.open_table(HEADS)?,
            chunks: read.open_table(CHUNKS)?,
            frontier: state(&read.open_table(STATE)?)?.frontier,
            left: Cell::new(max_read),
            bytes: Cell::new(0),
        };
        let mut windows = Vec::new();
        // Hours that are read together: those of a day, otherwise one.
        let step = question.width.seconds().max(HOUR);
        let mut at = question.from / step * step;
        while at < question.to {
            reading.read(at, step, &mut windows)?;
            at += step;
        }
        Ok(Answer { windows })
    }
}

impl Reading<'_> {
    /// Adds the windows of the hours from `at` on.
    fn read(&self, at: u64, step: u64, windows: &mut Vec<Window>) -> Result<(), StoreError> {
        let mut hours = Vec::new();
        for hour in at / HOUR..(at + step) / HOUR {
            let Ok(hour) = u32::try_from(hour) else { break };
            let key = hour_key(hour, self.question.customer.as_str());
            if let Some(head) = get(&self.heads, &key, Head::decode)? {
                let bytes = head.runs.iter().map(|run| run.bytes).sum();
                self.left.set(self.left.get().checked_sub(bytes).ok_or(StoreError::TooLarge)?);
                hours.push((u64::from(hour) * HOUR, key, head));
            }
        }
        if hours.is_empty() {
            return Ok(());
        }
        let mut partials = self.partials(&hours);
        let agents = self.count(at, &hours, &mut partials)?;
        let distinct = (self.question.width != Width::Minute).then(|| {
            let (count, approximate) = agents.count();
            Distinct { count, approximate }
        });
        windows.extend(partials.into_iter().map(|(start, partial)| self.window(start, partial, distinct)));
        Ok(())
    }

    /// The windows that the hours have records for, within the question.
    fn partials(&self, hours: &[(u64, Vec<u8>, Head)]) -> BTreeMap<u64, Partial> {
        let mut partials = BTreeMap::new();
        for (start, _, head) in hours {
            for (minute, total) in &head.minutes {
                let Some(window) = self.window_of(start + u64::from(*minute) * 60) else { continue };
                let partial = partials.entry(window).or_insert_with(|| Partial {
                    total: MinuteTotal::default(),
                    top: Top::new(self.question.limit),
                });
                partial.total.records += total.records;
                partial.total.late_batches += total.late_batches;
            }
        }
        partials
    }

    /// The begin of the window that a second belongs to, if it is asked for.
    fn window_of(&self, second: u64) -> Option<u64> {
        let width = self.question.width.seconds();
        (self.question.from..self.question.to).contains(&second).then_some(second / width * width)
    }

    /// Counts the keys of all hours into their windows; answers the different user agents.
    fn count(
        &self,
        at: u64,
        hours: &[(u64, Vec<u8>, Head)],
        partials: &mut BTreeMap<u64, Partial>,
    ) -> Result<Agents, StoreError> {
        let read = |key: &[u8]| fetch(&self.chunks, key);
        let read: &Fetch<'_> = &read;
        let sources = hours
            .iter()
            .flat_map(|(_, key, head)| head.runs.iter().map(move |run| Source::stored(read, key, *run)));
        let wanted = match self.question.by {
            By::Path => Kind::Path,
            By::UserAgent => Kind::Family,
        };
        let mut agents = Agents::default();
        walk(sources.collect(), |sum| {
            match sum {
                Sum::Agents(found) => agents.merge(found),
                Sum::Counts(kind, key, counts) if *kind == wanted => self.push(at, partials, key, counts),
                Sum::Counts(kind, ..) if *kind > wanted => return Ok(ControlFlow::Break(())),
                Sum::Counts(..) => {}
            }
            if self.bytes.get() > MAX_BYTES {
                return Err(StoreError::TooLarge);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(agents)
    }

    fn push(&self, at: u64, partials: &mut BTreeMap<u64, Partial>, key: &[u8], counts: &[Posting]) {
        let mut push = |window: u64, count: u64| {
            if let Some(partial) = partials.get_mut(&window) {
                self.bytes.set(self.bytes.get() + partial.top.push(key, count));
            }
        };
        if self.question.width != Width::Minute {
            // The hours of a day are walked as one: a minute of an hour stands for that minute of all of them.
            push(at, counts.iter().map(|(_, count)| count).sum());
            return;
        }
        for (minute, count) in counts {
            push(at + u64::from(*minute) * 60, *count);
        }
    }

    fn window(&self, start: u64, partial: Partial, distinct: Option<Distinct>) -> Window {
        let end = (start + self.question.width.seconds()).saturating_mul(1_000_000);
        let (counts, other) = partial.top.finish();
        Window {
            start,
            total: partial.total.records,
            counts,
            other,
            revision: 1 + partial.total.late_batches,
            is_final: self.frontier.is_some_and(|frontier| end <= frontier.max(0).unsigned_abs()),
            distinct,
        }
    }
}
