//! Answers in JSON.

use std::io::{self, Write};

use logmill_rollup::OTHER;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::moment;
use super::{Answer, By, Question, Width, Window};

#[derive(serde::Serialize)]
struct Series<'a> {
    customer: &'a str,
    window: &'static str,
    by: &'static str,
    from: String,
    to: String,
    series: Vec<Element<'a>>,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Element<'a> {
    start: String,
    total: u64,
    counts: Counts<'a>,
    revision: u64,
    #[serde(rename = "final")]
    is_final: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    distinct_user_agents: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    approximate: bool,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary<'a> {
    hour: String,
    total: u64,
    paths: Counts<'a>,
    user_agents: Counts<'a>,
    distinct_user_agents: u64,
    revision: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    approximate: bool,
}

/// The counts of a window as an object, in their order, the rest behind them.
struct Counts<'a>(&'a Window);

impl Serialize for Counts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, count) in &self.0.counts {
            map.serialize_entry(key, count)?;
        }
        if self.0.other > 0 {
            map.serialize_entry(OTHER, &self.0.other)?;
        }
        map.end()
    }
}

fn element(window: &Window) -> Element<'_> {
    Element {
        start: moment::write(window.start),
        total: window.total,
        counts: Counts(window),
        revision: window.revision,
        is_final: window.is_final,
        distinct_user_agents: window.distinct.map(|distinct| distinct.count),
        approximate: window.distinct.is_some_and(|distinct| distinct.approximate),
    }
}

/// Writes the answer of `/api/v1/analytics`.
pub(super) fn series(out: &mut impl Write, question: &Question, answer: &Answer) -> io::Result<()> {
    let value = Series {
        customer: question.customer.as_str(),
        window: match question.width {
            Width::Minute => "minute",
            Width::Hour => "hour",
            Width::Day => "day",
        },
        by: match question.by {
            By::Path => "path",
            By::UserAgent => "user_agent",
        },
        from: moment::write(question.from),
        to: moment::write(question.to),
        series: answer.windows.iter().map(element).collect(),
    };
    serde_json::to_writer(&mut *out, &value)?;
    out.write_all(b"\n")
}

/// Writes the summary of an hour: its counts by path, and the same hour's by user agent.
///
/// # Errors
/// `out` cannot be written to; a `Vec` always can.
pub(crate) fn summary(out: &mut impl Write, by_path: &Window, by_agent: &Window) -> io::Result<()> {
    let distinct = by_path.distinct.or(by_agent.distinct);
    let value = Summary {
        hour: moment::write(by_path.start),
        total: by_path.total,
        paths: Counts(by_path),
        user_agents: Counts(by_agent),
        distinct_user_agents: distinct.map_or(0, |distinct| distinct.count),
        revision: by_path.revision,
        approximate: distinct.is_some_and(|distinct| distinct.approximate),
    };
    serde_json::to_writer(&mut *out, &value)?;
    out.write_all(b"\n")
}
