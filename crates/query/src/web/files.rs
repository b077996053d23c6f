//! Which hourly files there are, and which of them can hold what is asked for.
//!
//! `logs/[<customer>/]YYYY-MM-DD/HH.log.json`; hours are of UTC (crates/sink-files/README.md).

use std::io;
use std::path::{Path, PathBuf};

use logmill_model::{Customer, Timestamp};
use logmill_world::Fs;

use crate::config::WebSource;
use crate::judge::{Judgement, Op, Value};

/// Microseconds of an hour.
const HOUR: i64 = 3_600_000_000;

/// The file of an hour of one customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HourlyFile {
    pub(super) customer: String,
    /// The hour's first microsecond since 1970.
    pub(super) begin: i64,
    pub(super) path: PathBuf,
}

/// All files, by customer and hour.
pub(super) fn list(fs: &dyn Fs, source: &WebSource) -> io::Result<Vec<HourlyFile>> {
    let root = source.dir.join("logs");
    let mut files = Vec::new();
    for name in names(fs, &root)? {
        files.extend(of_day(fs, &root, &name, &source.default_customer)?);
        // A customer may be called like a day.
        if Customer::parse(&name).is_ok() {
            let folder = root.join(&name);
            for day in names(fs, &folder)? {
                files.extend(of_day(fs, &folder, &day, &name)?);
            }
        }
    }
    Ok(files)
}

/// The hours of a day's folder; none if it is not called like a day.
fn of_day(fs: &dyn Fs, folder: &Path, day: &str, customer: &str) -> io::Result<Vec<HourlyFile>> {
    let Ok(first) = Timestamp::parse(&format!("{day}T00:00:00Z")) else { return Ok(Vec::new()) };
    let folder = folder.join(day);
    let file = |name: String| {
        let hour: i64 = name.strip_suffix(".log.json").filter(|hour| hour.len() == 2)?.parse().ok()?;
        let begin = first.micros() + hour * HOUR;
        (0..24).contains(&hour).then(|| HourlyFile {
            customer: customer.to_owned(),
            begin,
            path: folder.join(name),
        })
    };
    Ok(names(fs, &folder)?.into_iter().filter_map(file).collect())
}

fn names(fs: &dyn Fs, folder: &Path) -> io::Result<Vec<String>> {
    match fs.list(folder) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        names => names,
    }
}

impl HourlyFile {
    /// Whether a row of this file may be such.
    pub(super) fn can_match(&self, judgement: &Judgement) -> bool {
        match judgement {
            Judgement::All(parts) => parts.iter().all(|part| self.can_match(part)),
            Judgement::Any(parts) => parts.iter().any(|part| self.can_match(part)),
            Judgement::Compare(name, op, value) => self.can_compare(name, *op, value),
            Judgement::OneOf(name, values) => {
                values.iter().any(|value| self.can_compare(name, Op::Equal, value))
            }
            Judgement::Begins(name, text) => name != "customer" || self.customer.starts_with(text.as_str()),
            Judgement::Null(name) => name != "customer" && name != "timestamp",
            Judgement::NotNull(_) => true,
        }
    }

    fn can_compare(&self, name: &str, op: Op, value: &Value) -> bool {
        match (name, value) {
            ("timestamp", Value::Time(time)) => self.has_time(op, *time),
            ("customer", Value::Text(text)) => op != Op::Equal || self.customer == *text,
            _ => true,
        }
    }

    fn has_time(&self, op: Op, time: i64) -> bool {
        let (begin, last) = (self.begin, self.begin + HOUR - 1);
        match op {
            Op::Equal => (begin..=last).contains(&time),
            Op::Less => begin < time,
            Op::LessOrEqual => begin <= time,
            Op::Greater => last > time,
            Op::GreaterOrEqual => last >= time,
        }
    }
}
