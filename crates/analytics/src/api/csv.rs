//! Answers in CSV (RFC 4180).

use std::io::{self, Write};

use logmill_rollup::OTHER;

use super::{Answer, moment};

/// Writes the answer of `/api/v1/analytics`: a row for each key of each window. Keys are as they came: who opens the file in a
/// spreadsheet must import them as text.
pub(super) fn series(out: &mut impl Write, answer: &Answer) -> io::Result<()> {
    out.write_all(b"start,key,count,revision\r\n")?;
    for window in &answer.windows {
        let start = moment::write(window.start);
        let rest = (window.other > 0).then_some((OTHER, window.other));
        let keys = window.counts.iter().map(|(key, count)| (key.as_str(), *count));
        for (key, count) in keys.chain(rest) {
            write!(out, "{start},")?;
            field(out, key)?;
            write!(out, ",{count},{}\r\n", window.revision)?;
        }
    }
    Ok(())
}

/// A field, in quotes where it needs them.
fn field(out: &mut impl Write, text: &str) -> io::Result<()> {
    if text.contains(['"', ',', '\r', '\n']) {
        return write!(out, "\"{}\"", text.replace('"', "\"\""));
    }
    out.write_all(text.as_bytes())
}
