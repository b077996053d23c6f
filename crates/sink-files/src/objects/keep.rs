//! What the group keeps with its position: totals so far, and the range that is being written.
//!
//! Lines of text: `totals` and the seven figures, then, while a range is being written, `range`, version, from, to, codec
//! and the prefix of the names.

use logmill_queue::{Note, Offset, Totals};

use super::codec::Codec;

/// The version of what a part holds: NDJSON as `POST /logs` documents it.
const VERSION: &str = "1";

/// A range whose parts are being written. Who comes next writes the same ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub from: Offset,
    pub to: Offset,
    pub codec: Codec,
    pub prefix: String,
}

/// A group's note.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    pub totals: Totals,
    pub range: Option<Range>,
}

impl Kept {
    /// The note; none if the prefix is too long for one.
    pub(crate) fn note(&self) -> Option<Note> {
        let figures: Vec<String> = self.totals.named().iter().map(|(_, figure)| figure.to_string()).collect();
        let mut text = format!("totals {}", figures.join(" "));
        if let Some(Range { from, to, codec, prefix }) = &self.range {
            text.push_str(&format!("\nrange {VERSION} {from} {to} {} {prefix}", codec.suffix()));
        }
        Note::new(text).ok().filter(|note| note.as_str().len() <= Note::FOR_SINKS)
    }

    /// What a note says; an empty one says that nothing was written yet.
    ///
    /// # Errors
    /// The line that is not ours: another sink, or a newer logmill, worked for this group.
    pub(crate) fn read(note: &Note) -> Result<Self, String> {
        let mut kept = Self::default();
        for line in note.as_str().lines().filter(|line| !line.is_empty()) {
            let known = match line.split_once(' ') {
                Some(("totals", rest)) => totals(rest).map(|totals| kept.totals = totals),
                Some(("range", rest)) => range(rest).map(|range| kept.range = Some(range)),
                _ => None,
            };
            known.ok_or_else(|| line.to_owned())?;
        }
        Ok(kept)
    }
}

fn totals(text: &str) -> Option<Totals> {
    let figures: Vec<u64> = text.split(' ').map(|figure| figure.parse().ok()).collect::<Option<_>>()?;
    let [read, delivered, deduplicated, dead_lettered, rejected, damaged, expired] =
        figures.try_into().ok()?;
    Some(Totals { read, delivered, deduplicated, dead_lettered, rejected, damaged, expired })
}

fn range(text: &str) -> Option<Range> {
    let mut words = text.splitn(5, ' ');
    if words.next()? != VERSION {
        return None;
    }
    let (from, to) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let codec = Codec::of_suffix(words.next()?)?;
    Some(Range { from, to, codec, prefix: words.next().unwrap_or_default().to_owned() })
}
