//! What is told of the table.

use std::io::{self, Write};

use logmill_analytics::write_time;
use logmill_sink_iceberg::{HeldPosition, History, Status};
use logmill_world::Micros;
use serde_json::{Map, Value, json};

use super::super::shown::{bytes, grouped, span, visible};
use super::log_ends::LogEnds;
use crate::cli::ReportFormat;

/// A table, and where the log ends.
pub(super) struct Report {
    pub(super) table: String,
    pub(super) status: Status,
    pub(super) ends: LogEnds,
}

impl Report {
    /// Prints it; `now` in microseconds.
    pub(super) fn print(&self, out: &mut dyn Write, format: ReportFormat, now: Micros) -> io::Result<()> {
        match format {
            ReportFormat::Json => writeln!(out, "{}", self.json(now)),
            ReportFormat::Table => self.lines(out, now),
        }
    }

    fn lines(&self, out: &mut dyn Write, now: Micros) -> io::Result<()> {
        let Status { location, uuid, snapshots, current, files, rolled_back, positions } = &self.status;
        writeln!(out, "table          {} {uuid}", self.table)?;
        writeln!(out, "location       {}", visible(location))?;
        match current {
            Some((id, at)) => {
                let (time, age) = (write_time(seconds(*at)), span(age(now, *at)));
                writeln!(
                    out,
                    "snapshots      {}, the newest {id} of {time}, {age} ago",
                    grouped(*snapshots as u64)
                )?;
            }
            None => writeln!(out, "snapshots      {}, none of them is current", grouped(*snapshots as u64))?,
        }
        writeln!(out, "rows           {}", grouped(files.rows))?;
        let average = files.bytes.checked_div(files.data).unwrap_or(0);
        let (data, small) = (grouped(files.data), grouped(files.small));
        let (all, average) = (bytes(files.bytes), bytes(average));
        writeln!(out, "data files     {data}, {all}, {average} on average, {small} of them small")?;
        writeln!(out, "delete files   {}", grouped(files.deletes))?;
        writeln!(out, "manifests      {}", grouped(files.manifests as u64))?;
        for position in positions {
            writeln!(out, "position       {}", line(position, &self.ends))?;
        }
        if !rolled_back.is_empty() {
            let ids: Vec<String> = rolled_back.iter().map(ToString::to_string).collect();
            writeln!(
                out,
                "another engine rolled back past our snapshots {}: their rows are not seen, and not written again",
                ids.join(", ")
            )?;
        }
        Ok(())
    }

    fn json(&self, now: Micros) -> Value {
        let Status { location, uuid, snapshots, current, files, rolled_back, positions } = &self.status;
        let current = current
            .map(|(id, at)| json!({ "id": id, "at": write_time(seconds(at)), "ageSeconds": age(now, at) }));
        json!({
            "table": self.table,
            "uuid": uuid,
            "location": location,
            "snapshots": snapshots,
            "current": current,
            "rows": files.rows,
            "dataFiles": files.data,
            "bytes": files.bytes,
            "smallFiles": files.small,
            "deleteFiles": files.deletes,
            "manifests": files.manifests,
            "rolledBack": rolled_back,
            "positions": all(positions, &self.ends),
        })
    }
}

/// Prints the positions alone.
pub(super) fn positions(
    out: &mut dyn Write,
    format: ReportFormat,
    positions: &[HeldPosition],
    ends: &LogEnds,
) -> io::Result<()> {
    if format == ReportFormat::Json {
        return writeln!(out, "{}", json!({ "positions": all(positions, ends) }));
    }
    for position in positions {
        let totals = position.totals.named();
        let totals: Vec<String> = totals.iter().map(|(what, n)| format!("{what} {}", grouped(*n))).collect();
        writeln!(out, "{}\n  commit {}\n  {}", line(position, ends), position.commit, totals.join(", "))?;
    }
    if positions.is_empty() {
        writeln!(out, "the table holds nothing of any log")?;
    }
    Ok(())
}

fn line(position: &HeldPosition, ends: &LogEnds) -> String {
    let HeldPosition { log, topic, partition, next, history, .. } = position;
    let mut text = format!("log {} {}/{partition} next {next}", visible(log), visible(topic));
    if let Some(behind) = ends.behind(position) {
        text += &format!(", {} behind the log's end", grouped(behind));
    }
    match history {
        History::Holds => {}
        History::Expired => text += ", its snapshot has expired",
        History::RolledBack(None) => text += ", rolled back: none of it is seen",
        History::RolledBack(Some(next)) => {
            text += &format!(", rolled back: only what is before {next} is seen")
        }
    }
    text
}

fn all(positions: &[HeldPosition], ends: &LogEnds) -> Vec<Value> {
    positions.iter().map(|position| object(position, ends)).collect()
}

fn object(position: &HeldPosition, ends: &LogEnds) -> Value {
    let totals = position.totals.named().into_iter().map(|(what, n)| (what.to_owned(), n.into()));
    let (history, seen) = match position.history {
        History::Holds => ("holds", None),
        History::Expired => ("expired", None),
        History::RolledBack(seen) => ("rolled_back", seen),
    };
    json!({
        "log": position.log,
        "topic": position.topic,
        "partition": position.partition.0,
        "next": position.next,
        "behind": ends.behind(position),
        "commit": position.commit,
        "history": history,
        "seenBefore": seen,
        "totals": totals.collect::<Map<String, Value>>(),
    })
}

fn seconds(at: Micros) -> u64 {
    at.max(0).cast_unsigned() / 1_000_000
}

/// In seconds; a snapshot of the future is new.
fn age(now: Micros, at: Micros) -> u64 {
    seconds(now.saturating_sub(at))
}
