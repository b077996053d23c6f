//! `logmill analytics`: asks a running logmill for its counts.

mod plot;
mod table;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use logmill_analytics::{MAX_ANSWER, Width, parse_time, write_time};
use logmill_world::World;
use serde_json::Value;

use super::load;
use super::shown::visible;
use crate::cli::{AnalyticsArgs, CountBy, OutputFormat, SettingsArgs, WindowWidth};
use crate::exit::{Failure, IO, UNAVAILABLE, USAGE};

/// The range when none is named.
const LAST: Duration = Duration::from_hours(1);

/// Windows are minutes, or else hours, as long as there are not more of them.
const NARROW: u64 = 360;

/// An answer takes no longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks and prints.
pub(crate) fn run(settings: &SettingsArgs, args: &AnalyticsArgs) -> anyhow::Result<()> {
    let place = match &args.url {
        Some(url) => Place { url: url.trim_end_matches('/').to_owned(), named_by: "--url" },
        None => Place { url: own(load(settings, None)?.settings.http.listen)?, named_by: "http.listen" },
    };
    let now = World::real().clock().wall().max(0).cast_unsigned().div_ceil(1_000_000);
    print(&place, args, now, &mut io::stdout().lock())
}

/// Where to ask, and which setting or flag says so.
struct Place {
    url: String,
    named_by: &'static str,
}

/// The server of these settings, as this machine reaches it.
fn own(listen: SocketAddr) -> Result<String, Failure> {
    if listen.port() == 0 {
        let text = "http.listen: the system chose the port; name the server with --url http://127.0.0.1:PORT";
        return Err(Failure::new(USAGE, text));
    }
    let host = match listen.ip() {
        IpAddr::V4(all) if all.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(all) if all.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        one => one,
    };
    Ok(format!("http://{}", SocketAddr::new(host, listen.port())))
}

fn print(place: &Place, args: &AnalyticsArgs, now: u64, out: &mut impl Write) -> anyhow::Result<()> {
    let body = ask(place, args, &Range::new(args, now)?)?;
    if args.format != OutputFormat::Table {
        return Ok(out.write_all(&body)?);
    }
    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    let Some(series) = table::Series::read(&answer, args.limit) else {
        let text = format!("{} ({}) answered something else than counts", place.url, place.named_by);
        return Err(Failure::new(IO, text).into());
    };
    Ok(series.print(out)?)
}

/// What is asked for.
struct Range {
    from: u64,
    to: u64,
    width: Width,
}

impl Range {
    fn new(args: &AnalyticsArgs, now: u64) -> Result<Self, Failure> {
        let to = args.to.as_deref().map_or(Ok(now), |text| seconds("--to", text, u64::from))?;
        let from = args.from.as_deref().map(|text| seconds("--from", text, |_| 0)).transpose()?;
        let last = args.last.unwrap_or(LAST).as_secs();
        let width = match args.window {
            Some(WindowWidth::Minute) => Width::Minute,
            Some(WindowWidth::Hour) => Width::Hour,
            Some(WindowWidth::Day) => Width::Day,
            None => narrow(from.map_or(last, |from| to.saturating_sub(from))),
        };
        // Whole windows, so that the last hour by minute has 60 of them and not 61.
        let end = to.div_ceil(width.seconds()) * width.seconds();
        let from = from.unwrap_or(end.saturating_sub(last));
        Ok(Self { from, to: if args.from.is_some() { to } else { end }, width })
    }
}

/// The narrowest windows of which there are not too many to look at.
fn narrow(span: u64) -> Width {
    let fits = |width: &Width| span <= NARROW * width.seconds();
    [Width::Minute, Width::Hour].into_iter().find(fits).unwrap_or(Width::Day)
}

/// A time in seconds; a part of a second counts as `part` says.
fn seconds(flag: &str, text: &str, part: fn(bool) -> u64) -> Result<u64, Failure> {
    let time = parse_time(text).map_err(|error| {
        let forms = "or YYYY-MM-DD, YYYY-MM-DDTHH, YYYY-MM-DDTHH:MM (UTC)";
        Failure::new(USAGE, format!("{flag}: `{}` {error}, {forms}", text.escape_debug()))
    })?;
    Ok(time.seconds() + part(time.nanos() > 0))
}

/// The body of the answer.
fn ask(place: &Place, args: &AnalyticsArgs, range: &Range) -> Result<Vec<u8>, Failure> {
    let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
    let agent: ureq::Agent = config.build().into();
    let csv = args.format == OutputFormat::Csv;
    let request = agent
        .get(format!("{}/api/v1/analytics", place.url))
        .header("accept", if csv { "text/csv" } else { "application/json" })
        .query("customer", &args.customer)
        .query("from", write_time(range.from))
        .query("to", write_time(range.to))
        .query(
            "window",
            match range.width {
                Width::Minute => "minute",
                Width::Hour => "hour",
                Width::Day => "day",
            },
        )
        .query(
            "by",
            match args.by {
                CountBy::Path => "path",
                CountBy::UserAgent => "user_agent",
            },
        )
        .query("limit", args.limit.to_string());
    let mut answer = request.call().map_err(|error| away(place, &error))?;
    let limit = u64::try_from(MAX_ANSWER).unwrap_or(u64::MAX).saturating_add(1);
    let body = answer.body_mut().with_config().limit(limit).read_to_vec();
    let body =
        body.map_err(|error| Failure::new(IO, format!("{}: the answer broke off: {error}", place.url)))?;
    if answer.status().is_success() { Ok(body) } else { Err(refused(place, answer.status().as_u16(), &body)) }
}

fn away(place: &Place, error: &ureq::Error) -> Failure {
    let text = format!(
        "no logmill answers at {} ({}): {error}; start it with `logmill serve`, or name another with --url",
        place.url, place.named_by
    );
    Failure::new(UNAVAILABLE, text)
}

/// What the server says, with the exit code that fits. It may be any server: nothing of it goes to the terminal as it came.
fn refused(place: &Place, status: u16, body: &[u8]) -> Failure {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let said = problem["detail"].as_str().map(visible);
    match (status, said) {
        (400, Some(said)) => Failure::new(USAGE, said),
        (503, Some(said)) => Failure::new(UNAVAILABLE, format!("{} cannot answer now: {said}", place.url)),
        (404, _) => {
            let text = format!("{} ({}) has no analytics", place.url, place.named_by);
            Failure::new(UNAVAILABLE, format!("{text}: it must be a logmill with the role api"))
        }
        (_, said) => {
            Failure::new(IO, format!("{} answered {status} {}", place.url, said.unwrap_or_default()))
        }
    }
}
