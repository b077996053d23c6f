//! The log as `queue` and `dlq` look at it, whichever it is. Looking changes nothing, and processes may be at work.

#[cfg(feature = "kafka")]
mod brokers;
mod files;
mod whole;

use std::io::{self, Write};

use logmill_queue::{Frame, LogId, Offset, Partition, Topic};

use crate::settings::{QueueKind, Settings};

/// A log that is looked at.
///
/// Errors of all calls are the operator's: 74 for files that cannot be read and for an output that takes no more, 69 for
/// brokers that do not answer and a topic that does not exist.
pub(crate) trait Look {
    /// Prints what the log holds.
    fn inspect(&self, out: &mut dyn Write) -> anyhow::Result<()>;

    /// Prints the groups with their positions.
    fn groups(&self, out: &mut dyn Write) -> anyhow::Result<()>;

    /// Visits the frames of a topic up to its end as it is now; of each partition in their order.
    fn frames(&self, topic: &Topic, visit: &mut VisitFrame<'_>) -> anyhow::Result<()>;

    /// Visits the dead letters that were not dropped, oldest first.
    fn letters(&self, visit: &mut VisitLetter<'_>) -> anyhow::Result<()>;

    /// The dead letter with this number, dropped or not.
    fn letter(&self, number: Offset) -> anyhow::Result<Option<Frame>>;

    /// Leaves the dead letters up to this one out of `letters`.
    fn drop_letters(&self, upto: Offset) -> anyhow::Result<()>;
}

/// What a frame is shown to: its log, its partition, the frame.
pub(crate) type VisitFrame<'a> = dyn FnMut(LogId, Partition, &Frame) -> io::Result<()> + 'a;
/// What a dead letter is shown to.
pub(crate) type VisitLetter<'a> = dyn FnMut(&Frame) -> io::Result<()> + 'a;

/// The log of the settings; the dead letters are those of web logs.
pub(crate) fn open(settings: &Settings) -> anyhow::Result<Box<dyn Look + '_>> {
    open_with(settings, &settings.web.topic)
}

/// The log of the settings; the dead letters are those of this topic.
pub(crate) fn open_with<'a>(settings: &'a Settings, topic: &str) -> anyhow::Result<Box<dyn Look + 'a>> {
    let letters = Letters {
        #[cfg(feature = "kafka")]
        source: Topic::new(topic)?,
        topic: Topic::new(&format!("{topic}.dlq"))?,
    };
    match settings.queue.kind {
        QueueKind::Embedded => Ok(Box::new(files::Files::new(settings, letters))),
        #[cfg(feature = "kafka")]
        QueueKind::Kafka => Ok(Box::new(brokers::Brokers::new(settings, letters)?)),
        #[cfg(not(feature = "kafka"))]
        QueueKind::Kafka => Err(crate::serve::log::not_built().into()),
    }
}

/// The dead letters that are meant.
struct Letters {
    /// The topic that they could not be delivered from.
    #[cfg(feature = "kafka")]
    source: Topic,
    /// The topic that they are in.
    topic: Topic,
}
