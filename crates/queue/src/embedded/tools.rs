//! Looking at a log's files without opening the log: nothing is written, and a process may be at work in them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use logmill_world::{Fs, Micros, Mode};

use super::files::Files;
use super::frame::{FrameHead, Kind};
use super::recover;
use super::state::{LogState, decode_position};
use super::walk::Walk;
use crate::contract::{Frame, Group, LogId, Note, Offset, Partition, Topic};

/// What a segment holds of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The topic.
    pub topic: Topic,
    /// The partition.
    pub partition: Partition,
    /// The first frame's offset.
    pub first: Offset,
    /// The offset after the last frame.
    pub end: Offset,
    /// Records in the frames.
    pub records: u64,
}

/// One segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentReport {
    /// Its number.
    pub number: u64,
    /// Bytes up to the end of its last frame.
    pub bytes: u64,
    /// The latest arrival in it.
    pub newest: Micros,
    /// What it holds.
    pub extents: Vec<Extent>,
}

/// A group's position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PositionReport {
    /// The group.
    pub group: Group,
    /// The topic.
    pub topic: Topic,
    /// The partition.
    pub partition: Partition,
    /// The next offset to read.
    pub offset: Offset,
    /// What was committed with it.
    pub note: Note,
}

/// What a log's files hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogReport {
    /// The log's id, if there is a log.
    pub id: Option<LogId>,
    /// Its segments, oldest first.
    pub segments: Vec<SegmentReport>,
    /// All positions.
    pub positions: Vec<PositionReport>,
}

/// Bytes that are not what was written, or that cannot be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The segment.
    pub segment: u64,
    /// The first byte.
    pub from: u64,
    /// The byte after the last.
    pub to: u64,
    /// The frame, where its header is whole.
    pub frame: Option<(Topic, Partition, Offset)>,
    /// Records that are lost with it, where that is known.
    pub records: Option<u32>,
}

/// A log's folder, opened for looking.
pub struct LogFiles {
    files: Files,
}

impl LogFiles {
    /// The log in `dir`.
    #[must_use]
    pub fn new(fs: Arc<dyn Fs>, dir: &Path) -> Self {
        Self { files: Files::new(fs, dir.to_path_buf()) }
    }

    fn id(&self, numbers: &[u64]) -> io::Result<Option<LogId>> {
        for &number in numbers.iter().rev() {
            let file = self.files.open(number, Mode::Read)?;
            if let Some(head) = Walk::new(&*file, number, None)?.next(0)? {
                return Ok(Some(head.log));
            }
        }
        Ok(None)
    }

    /// Visits all frames that are whole in their headers; answers the ranges between them.
    fn visit(
        &self,
        mut visit: impl FnMut(&FrameHead, &mut Walk<'_>) -> io::Result<()>,
        mut progress: impl FnMut(usize, usize),
    ) -> io::Result<Vec<Finding>> {
        let numbers = self.files.segments()?;
        let Some(id) = self.id(&numbers)? else { return Ok(Vec::new()) };
        let mut findings = Vec::new();
        for (done, &number) in numbers.iter().enumerate() {
            let (_, damage) = recover::visit_closed(&self.files, number, id, &mut visit)?;
            findings.extend(damage.into_iter().map(|bad| Finding {
                segment: bad.segment,
                from: bad.from.into(),
                to: bad.to.into(),
                frame: None,
                records: None,
            }));
            progress(done + 1, numbers.len());
        }
        Ok(findings)
    }

    /// What the files hold.
    ///
    /// # Errors
    /// A file cannot be read. Damage is no error.
    pub fn inspect(&self) -> io::Result<LogReport> {
        let mut report = LogReport { id: self.id(&self.files.segments()?)?, ..LogReport::default() };
        let mut state = LogState::default();
        self.visit(
            |head, walk| {
                add_frame(&mut report.segments, head);
                add_position(&mut state, head, walk)
            },
            |_, _| {},
        )?;
        let positions = state.positions.into_iter();
        report.positions = positions
            .map(|((group, (topic, partition)), stored)| PositionReport {
                group,
                topic,
                partition,
                offset: stored.committed.offset,
                note: stored.committed.note,
            })
            .collect();
        Ok(report)
    }

    /// Checks every checksum. `progress` is told the segments that are done and how many there are.
    ///
    /// # Errors
    /// A file cannot be read. Damage is no error, it is the answer.
    pub fn verify(&self, progress: impl FnMut(usize, usize)) -> io::Result<Vec<Finding>> {
        let mut payloads = Vec::new();
        let check = |head: &FrameHead, walk: &mut Walk<'_>| {
            if !walk.payload_is_whole(head)? {
                let from = u64::from(head.place.at);
                let is_data = head.kind == Kind::Data;
                payloads.push(Finding {
                    segment: head.place.segment,
                    from,
                    to: from + head.span() as u64,
                    frame: is_data.then(|| (head.topic.clone(), head.partition, head.offset)),
                    records: is_data.then_some(head.header.count),
                });
            }
            Ok(())
        };
        let mut findings = self.visit(check, progress)?;
        findings.extend(payloads);
        findings.sort_by_key(|finding| (finding.segment, finding.from));
        Ok(findings)
    }

    /// Copies everything that cannot be read to the quarantine, and makes the indexes of those segments anew.
    /// The caller holds the folder's lock. What is left out is delivered as damaged, as it was before.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub fn repair(&self) -> io::Result<Vec<(Finding, PathBuf)>> {
        let mut copies = Vec::new();
        for finding in self.verify(|_, _| {})? {
            let place = |byte: u64| u32::try_from(byte).unwrap_or(u32::MAX);
            let copy = self.files.quarantine(finding.segment, place(finding.from), place(finding.to))?;
            match self.files.fs().remove(&self.files.index_path(finding.segment)) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => copies.push((finding, copy)),
            }
        }
        Ok(copies)
    }

    /// Visits the whole frames of a topic, segment by segment.
    ///
    /// # Errors
    /// A file cannot be read, or `visit` failed.
    pub fn frames(
        &self,
        topic: &Topic,
        mut visit: impl FnMut(Partition, Frame) -> io::Result<()>,
    ) -> io::Result<()> {
        self.visit(
            |head, walk| {
                if head.kind != Kind::Data || head.topic != *topic || !walk.payload_is_whole(head)? {
                    return Ok(());
                }
                let payload = walk.payload(head)?;
                let (offset, header) = (head.offset, head.header.clone());
                visit(head.partition, Frame { offset, header, payload })
            },
            |_, _| {},
        )
        .map(drop)
    }
}

fn add_frame(segments: &mut Vec<SegmentReport>, head: &FrameHead) {
    let number = head.place.segment;
    if segments.last().is_none_or(|segment| segment.number != number) {
        segments.push(SegmentReport { number, bytes: 0, newest: 0, extents: Vec::new() });
    }
    let Some(segment) = segments.last_mut() else { return };
    segment.bytes = u64::from(head.place.at) + head.span() as u64;
    if head.kind != Kind::Data {
        return;
    }
    segment.newest = segment.newest.max(head.header.received_at);
    let (topic, partition, first) = (head.topic.clone(), head.partition, head.offset);
    let same = |extent: &&mut Extent| extent.topic == topic && extent.partition == partition;
    match segment.extents.iter_mut().find(same) {
        Some(extent) => {
            extent.end = first + 1;
            extent.records += u64::from(head.header.count);
        }
        None => {
            let records = head.header.count.into();
            segment.extents.push(Extent { topic, partition, first, end: first + 1, records });
        }
    }
}

fn add_position(state: &mut LogState, head: &FrameHead, walk: &mut Walk<'_>) -> io::Result<()> {
    if head.kind == Kind::Data || !walk.payload_is_whole(head)? {
        return Ok(());
    }
    let payload = walk.payload(head)?;
    match head.kind {
        Kind::Position => {
            if let Ok((group, stored)) = decode_position(&payload) {
                state.set_position(group, (head.topic.clone(), head.partition), stored);
            }
        }
        Kind::Snapshot => {
            if let Ok(found) = LogState::decode(&payload) {
                state.positions = found.positions;
            }
        }
        Kind::Data | Kind::Mark => {}
    }
    Ok(())
}
