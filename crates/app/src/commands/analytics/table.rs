//! An answer as a plot and a table.

use std::collections::HashMap;
use std::io::{self, Write};

use logmill_analytics::{Width, parse_time};
use serde_json::Value;

use super::super::shown::{grouped, visible};
use super::plot::{bar, plot};

/// The key of the rest, in answers.
const OTHER: &str = "__other__";
/// Characters of a bar.
const BAR: u64 = 20;
/// Characters of a key.
const KEY: usize = 160;

/// An answer, summed over its windows.
pub(super) struct Series {
    title: String,
    unit: &'static str,
    from: String,
    to: String,
    /// Records of each window of the range.
    totals: Vec<u64>,
    /// The largest first.
    keys: Vec<(String, u64)>,
    other: u64,
    /// Windows with records, and how many of them are not final.
    windows: (usize, usize),
    limit: u64,
}

impl Series {
    /// Reads an answer with at most `limit` keys a window; `None` if it is none.
    pub(super) fn read(answer: &Value, limit: u64) -> Option<Self> {
        let text = |name: &str| answer[name].as_str();
        let (unit, width) = match text("window")? {
            "minute" => ("minute", Width::Minute),
            "hour" => ("hour", Width::Hour),
            "day" => ("day", Width::Day),
            _ => return None,
        };
        let (from, to) = (text("from")?.to_owned(), text("to")?.to_owned());
        let begin = parse_time(&from).ok()?.seconds();
        let span = parse_time(&to).ok()?.seconds().checked_sub(begin)?;
        let count = usize::try_from(span.div_ceil(width.seconds())).ok()?;
        // A server that is none of ours could name any range.
        let mut totals = vec![0; Some(count).filter(|count| *count <= 100_000)?];
        let mut sums: HashMap<&str, u64> = HashMap::new();
        let series = answer["series"].as_array()?;
        for window in series {
            let start = parse_time(window["start"].as_str()?).ok()?.seconds();
            let at = usize::try_from(start.checked_sub(begin)? / width.seconds()).ok()?;
            *totals.get_mut(at)? = window["total"].as_u64()?;
            for (key, count) in window["counts"].as_object()? {
                let sum = sums.entry(key).or_default();
                *sum = sum.saturating_add(count.as_u64()?);
            }
        }
        let mut other = sums.remove(OTHER).unwrap_or(0);
        let mut keys: Vec<(String, u64)> = sums.into_iter().map(|(key, sum)| (visible(key), sum)).collect();
        keys.sort_by(|(a, m), (b, n)| n.cmp(m).then_with(|| a.cmp(b)));
        let rest = keys.split_off(keys.len().min(usize::try_from(limit).ok()?));
        other = rest.iter().fold(other, |other, (_, sum)| other.saturating_add(*sum));
        let by = if text("by")? == "path" { "path" } else { "user agent" };
        let title = format!("{} by {by}", visible(text("customer")?));
        let open = series.iter().filter(|window| window["final"] != true).count();
        Some(Self { title, unit, from, to, totals, keys, other, windows: (series.len(), open), limit })
    }

    fn total(&self) -> u64 {
        self.totals.iter().fold(0, |sum, total| sum.saturating_add(*total))
    }

    pub(super) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let Self { title, from, to, .. } = self;
        if self.windows.0 == 0 {
            return writeln!(out, "{title}: no records from {from} to {to}");
        }
        let total = grouped(self.total());
        writeln!(out, "{title}: {total} records from {from} to {to}\n")?;
        self.print_plot(out)?;
        self.print_keys(out)?;
        self.print_notes(out)
    }

    fn print_plot(&self, out: &mut impl Write) -> io::Result<()> {
        let plot = plot(&self.totals);
        let unit = match plot.together {
            1 => self.unit.to_owned(),
            n => format!("{n} {}s", self.unit),
        };
        writeln!(out, "records, a column is {}{unit}", if plot.together == 1 { "a " } else { "" })?;
        let highest = grouped(plot.highest);
        let margin = highest.chars().count();
        for (row, bars) in plot.rows.iter().enumerate() {
            let label = if row == 0 { highest.as_str() } else { "" };
            writeln!(out, "{label:>margin$} │{}", bars.trim_end())?;
        }
        writeln!(out, "{:>margin$} └{}", 0, "─".repeat(plot.columns))?;
        // The ends of the axis, if there is room between them.
        let between = (plot.columns).saturating_sub(self.from.len() + self.to.len()).max(4);
        writeln!(out, "{:margin$}  {}{:between$}{}\n", "", self.from, "", self.to)
    }

    fn print_keys(&self, out: &mut impl Write) -> io::Result<()> {
        let rest = (self.other > 0).then(|| ("(all others)".to_owned(), self.other));
        let highest = self.keys.iter().map(|(_, sum)| *sum).max().unwrap_or(0).max(self.other);
        let width = grouped(highest).len();
        for (key, sum) in self.keys.iter().chain(&rest) {
            let (share, bar) = (percent(*sum, self.total()), bar(*sum, highest, BAR));
            let shown: String = key.chars().take(KEY).collect();
            let cut = if shown.len() < key.len() { "…" } else { "" };
            writeln!(out, "{:>width$}  {share:>5} %  {bar}  {shown}{cut}", grouped(*sum))?;
        }
        Ok(())
    }

    fn print_notes(&self, out: &mut impl Write) -> io::Result<()> {
        let (windows, open) = self.windows;
        if open > 0 {
            let unit = self.unit;
            writeln!(out, "\n{open} of {windows} {unit}s with records are not final: more may come")?;
        }
        if self.other > 0 && self.limit > 0 {
            let text = format!("(all others) also has what was not among the {} largest of its", self.limit);
            writeln!(out, "\n{text} {}; --limit raises that", self.unit)?;
        }
        Ok(())
    }
}

/// A share in percent with one digit, rounded down: what is not all is never 100.0.
fn percent(part: u64, whole: u64) -> String {
    let tenths = u128::from(part) * 1000 / u128::from(whole.max(1));
    format!("{}.{}", tenths / 10, tenths % 10)
}
