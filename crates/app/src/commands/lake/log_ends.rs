//! Where the log of the data folder ends.

use std::collections::HashMap;
use std::io;

use logmill_queue::Offset;
use logmill_queue::embedded::tools::LogFiles;
use logmill_sink_iceberg::HeldPosition;
use logmill_world::World;

use super::super::queue::{logs, unreadable};
use crate::settings::{QueueKind, Settings};

/// The next offset of each partition, by log, topic and partition. Of partitions whose frames are all gone nothing is known.
pub(super) struct LogEnds(HashMap<(String, String, u16), Offset>);

/// Those of the embedded log; none on Kafka, and without a log.
pub(super) fn of(settings: &Settings) -> anyhow::Result<LogEnds> {
    let mut ends = HashMap::new();
    if settings.queue.kind == QueueKind::Kafka {
        return Ok(LogEnds(ends));
    }
    let [(_, folder), _] = logs(settings);
    let report = match LogFiles::new(World::real().fs().clone(), &folder).inspect() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(LogEnds(ends)),
        other => other.map_err(|error| unreadable(&folder, &error))?,
    };
    let Some(id) = report.id else { return Ok(LogEnds(ends)) };
    for extent in report.segments.iter().flat_map(|segment| &segment.extents) {
        let key = (id.to_string(), extent.topic.to_string(), extent.partition.0);
        let end = ends.entry(key).or_insert(0);
        *end = extent.end.max(*end);
    }
    Ok(LogEnds(ends))
}

impl LogEnds {
    /// Frames that the log has beyond a position; none if the position is of another log.
    pub(super) fn behind(&self, position: &HeldPosition) -> Option<u64> {
        let key = (position.log.clone(), position.topic.clone(), position.partition.0);
        self.0.get(&key).map(|end| end.saturating_sub(position.next))
    }
}
