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

/// The runner's part of a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ours {
    pub progress: Progress,
    /// Letters about frames before this one are durable.
    pub lettered: Offset,
}

impl Ours {
    fn line(self) -> String {
        let progress = match self.progress {
            Progress::Clean => "clean".to_owned(),
            Progress::Running => "running".to_owned(),
            Progress::Trying(offset, attempt) => format!("try {offset} {attempt}"),
        };
        let lettered = if self.lettered == 0 { String::new() } else { format!(" letters {}", self.lettered) };
        format!("r1 {progress}{lettered}\n")
    }
}

/// A note of both parts. Sinks keep to `Note::FOR_SINKS`, so that ours fits beside it.
pub(crate) fn join(ours: Ours, sink: &Note) -> Note {
    Note::new(ours.line() + sink.as_str()).unwrap_or_else(|_| sink.clone())
}

/// Splits a group's position into the runner's part and the sink's. A note that is not ours counts as unclean.
pub(crate) fn split(committed: &Committed) -> (Ours, Committed) {
    let (line, rest) = committed.note.as_str().split_once('\n').unwrap_or((committed.note.as_str(), ""));
    let note = Note::new(rest.to_owned()).unwrap_or_default();
    let (line, lettered) = line.split_once(" letters ").unwrap_or((line, ""));
    let progress = parse(line).unwrap_or(Progress::Running);
    let ours = Ours { progress, lettered: lettered.parse().unwrap_or(0) };
    (ours, Committed { offset: committed.offset, note })
}

fn parse(line: &str) -> Option<Progress> {
    let mut words = line.strip_prefix("r1 ")?.split(' ');
    match words.next()? {
        "clean" => Some(Progress::Clean),
        "try" => Some(Progress::Trying(words.next()?.parse().ok()?, words.next()?.parse().ok()?)),
        _ => Some(Progress::Running),
    }
}
