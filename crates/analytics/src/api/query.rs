//! Parameters of a request, checked before anything is asked.

use logmill_model::{Customer, Timestamp};

use super::moment;
use super::problem::Wrong;
use super::{By, MAX_WINDOWS, Question, Width};

/// The parameters of `/api/v1/analytics`.
const SERIES: &[&str] = &["customer", "from", "to", "window", "by", "limit"];
/// The parameters of `/analytics`.
const SUMMARY: &[&str] = &["customer", "hour"];

/// Keys of a window unless the caller says how many.
const LIMIT: usize = 10;

/// A customer's hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hour {
    /// Whose.
    pub customer: Customer,
    /// Seconds since 1970; a multiple of 3,600.
    pub start: u64,
}

/// The question that a query of `/api/v1/analytics` asks.
pub(super) fn series(query: Option<&str>, max_keys: usize) -> Result<Question, Wrong> {
    let given = Given::parse(query, SERIES)?;
    let width = given.width()?;
    let (from, to) = given.range(width)?;
    let (customer, by, limit) = (given.customer()?, given.by()?, given.limit(max_keys)?);
    Ok(Question { customer, from, to, width, by, limit })
}

/// The hour that a query of `/analytics` asks for.
pub(super) fn hour(query: Option<&str>) -> Result<Hour, Wrong> {
    let given = Given::parse(query, SUMMARY)?;
    Ok(Hour { start: given.hour()?, customer: given.customer()? })
}

/// Refuses all parameters.
pub(super) fn none(query: Option<&str>) -> Result<(), Wrong> {
    Given::parse(query, &[]).map(drop)
}

/// The parameters that came, each once.
struct Given(Vec<(&'static str, String)>);

impl Given {
    fn parse(query: Option<&str>, known: &[&'static str]) -> Result<Self, Wrong> {
        let mut given: Vec<(&'static str, String)> = Vec::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = decode(name).unwrap_or_else(|| name.to_owned());
            let Some(name) = known.iter().find(|known| **known == decoded) else {
                return Err(Wrong::unknown(&decoded, known));
            };
            if given.iter().any(|(before, _)| before == name) {
                return Err(Wrong::twice(name));
            }
            let allowed = "UTF-8, percent-encoded (RFC 3986)";
            let value = decode(value).ok_or_else(|| Wrong::value(name, value, allowed))?;
            given.push((name, value));
        }
        Ok(Self(given))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_str())
    }

    fn customer(&self) -> Result<Customer, Wrong> {
        let Some(name) = self.get("customer") else { return Ok(Customer::default()) };
        Customer::parse(name).map_err(|error| Wrong::value("customer", name, error.to_string()))
    }

    fn width(&self) -> Result<Width, Wrong> {
        match self.get("window") {
            Some("minute") => Ok(Width::Minute),
            None | Some("hour") => Ok(Width::Hour),
            Some("day") => Ok(Width::Day),
            Some(other) => Err(Wrong::value("window", other, "minute, hour or day")),
        }
    }

    fn by(&self) -> Result<By, Wrong> {
        match self.get("by") {
            None | Some("path") => Ok(By::Path),
            Some("user_agent") => Ok(By::UserAgent),
            Some(other) => Err(Wrong::value("by", other, "path or user_agent")),
        }
    }

    fn limit(&self, max_keys: usize) -> Result<usize, Wrong> {
        let Some(text) = self.get("limit") else { return Ok(LIMIT.min(max_keys)) };
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| is_number && *number <= max_keys);
        let allowed =
            || format!("a whole number from 0 (totals only) to {max_keys} (aggregation.max_keys_per_window)");
        number.ok_or_else(|| Wrong::value("limit", text, allowed()))
    }

    fn time(&self, name: &'static str) -> Result<(&str, Timestamp), Wrong> {
        let text = self.get(name).ok_or_else(|| Wrong::missing(name, moment::ALLOWED))?;
        let time = moment::parse(text);
        let refuse = |error| Wrong::value(name, text, format!("{}; this {error}", moment::ALLOWED));
        time.map(|time| (text, time)).map_err(refuse)
    }

    /// The range in whole windows: what is asked for lies in it.
    fn range(&self, width: Width) -> Result<(u64, u64), Wrong> {
        let (from_text, from) = self.time("from")?;
        let (to_text, to) = self.time("to")?;
        if from >= to {
            return Err(Wrong::value("from", from_text, format!("a time before `to`, which is {to_text}")));
        }
        let seconds = width.seconds();
        let begin = from.seconds() / seconds * seconds;
        let end = (to.seconds() + u64::from(to.nanos() > 0)).div_ceil(seconds) * seconds;
        if (end - begin) / seconds > MAX_WINDOWS {
            let last = moment::write(begin + MAX_WINDOWS * seconds);
            let allowed = format!(
                "at most {MAX_WINDOWS} windows, here up to {last}; ask for wider windows, or in parts"
            );
            return Err(Wrong::value("to", to_text, allowed));
        }
        Ok((begin, end))
    }

    fn hour(&self) -> Result<u64, Wrong> {
        let allowed = "an hour in UTC such as 2025-12-28T18";
        let text = self.get("hour").ok_or_else(|| Wrong::missing("hour", allowed))?;
        // A date alone would be taken for its first hour.
        let is_date = text.len() == "2025-12-28".len();
        let time = moment::parse(text).ok().filter(|_| !is_date);
        let start = time.filter(|time| time.nanos() == 0 && time.seconds().is_multiple_of(3600));
        start.map(Timestamp::seconds).ok_or_else(|| Wrong::value("hour", text, allowed))
    }
}

/// Decodes `%41`. A `+` stays one (RFC 3986): the offset of a time has it, and no value has blanks.
fn decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        out.push(if byte == b'%' { digit(bytes.next()?)? * 16 + digit(bytes.next()?)? } else { byte });
    }
    String::from_utf8(out).ok()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
