//! What the runner keeps in a group's note, in front of what the sink keeps there.

use logmill_queue::{Committed, Note, Offset};

/// How the process that wrote the note stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It ended in order.
    Clean,
    /// It was at work.
    Running,
    /// It was about to decode this frame for the n-th time.
    Trying(Offset, u32),
}

impl Progress {
    fn line(self) -> String {
        match self {
            Self::Clean => "r1 clean\n".to_owned(),
            Self::Running => "r1 running\n".to_owned(),
            Self::Trying(offset, attempt) => format!("r1 try {offset} {attempt}\n"),
        }
    }
}

/// A note of both parts. Sinks keep `Note::FOR_SINKS`, so that ours fits beside it.
pub(crate) fn join(progress: Progress, sink: &Note) -> Note {
    Note::new(progress.line() + sink.as_str()).unwrap_or_else(|_| sink.clone())
}

/// Splits a group's position into the runner's part and the sink's. A note that is not ours counts as unclean.
pub(crate) fn split(committed: &Committed) -> (Progress, Committed) {
    let (line, rest) = committed.note.as_str().split_once('\n').unwrap_or((committed.note.as_str(), ""));
    let note = Note::new(rest.to_owned()).unwrap_or_default();
    let progress = parse(line).unwrap_or(Progress::Running);
    (progress, Committed { offset: committed.offset, note })
}

fn parse(line: &str) -> Option<Progress> {
    let mut words = line.strip_prefix("r1 ")?.split(' ');
    match words.next()? {
        "clean" => Some(Progress::Clean),
        "try" => Some(Progress::Trying(words.next()?.parse().ok()?, words.next()?.parse().ok()?)),
        _ => Some(Progress::Running),
    }
}
