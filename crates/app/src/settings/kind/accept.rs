//! From what a source wrote to a checked value.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::super::catalogue::Setting;
use super::super::problem::{Fault, quoted};
use super::super::suggest;
use super::super::tree::{Destination, Settings};
use super::super::units::{self, UnitError};
use super::{Choice, Effect, Form, Kind, Raw, Scalar, allowed};

/// The longest topic name; Kafka allows 249, the rest is left for suffixes such as `.dlq`.
const MAX_NAME: usize = 200;

/// A choice that is offered: its name and what it does.
type Offered = (&'static str, fn(&mut Settings));

/// A checked value on its way into the tree.
pub(in super::super) struct Accepted {
    /// The value in its shortest form; equal values have equal texts.
    pub(in super::super) text: String,
    apply: Box<dyn Fn(&mut Settings)>,
}

impl Accepted {
    fn new(text: String, apply: impl Fn(&mut Settings) + 'static) -> Self {
        Self { text, apply: Box::new(apply) }
    }

    pub(in super::super) fn apply(&self, settings: &mut Settings) {
        (self.apply)(settings);
    }
}

/// Checks what a source wrote for a setting.
///
/// # Errors
/// Every fault of the value; a list can have several. The value of a secret setting is in none of them; no
/// list is secret.
pub(in super::super) fn accept(setting: &Setting, raw: &Raw) -> Result<Accepted, Vec<Fault>> {
    match (setting.kind, raw) {
        (Kind::AnyOf { choices }, _) => any_of(choices, raw),
        (_, Raw::One(scalar)) => one(setting, scalar).map_err(|fault| vec![fault]),
        (_, Raw::Many(_)) => {
            Err(vec![Fault::new("is a list", format!("write one value: {}", allowed(setting)))])
        }
    }
}

/// A value as messages show it.
struct Shown<'a> {
    text: &'a str,
    shown: String,
}

fn one(setting: &Setting, scalar: &Scalar) -> Result<Accepted, Fault> {
    let shown = if setting.secret { "the value".to_owned() } else { quoted(&scalar.text) };
    let value = Shown { text: &scalar.text, shown };
    if scalar.is_null() {
        return Err(Fault::new("has no value", "write one, or remove the line"));
    }
    right_form(setting.kind, scalar, &value.shown)?;
    match setting.kind {
        Kind::Size { min, max, set } => {
            let bytes = within(setting, &value, size(&value)?, (min, max))?;
            Ok(Accepted::new(units::show_size(bytes), move |s| set(s, bytes)))
        }
        Kind::Count { min, max, set } => {
            let number = within(setting, &value, count(&value)?, (min, max))?;
            Ok(Accepted::new(number.to_string(), move |s| set(s, number)))
        }
        Kind::Span { min, max, set } => {
            let span = within(setting, &value, duration(&value)?, (min, max))?;
            Ok(Accepted::new(units::show_duration(span), move |s| set(s, span)))
        }
        Kind::Switch { set } => switch(&value).map(|on| Accepted::new(on.to_string(), move |s| set(s, on))),
        Kind::Address { set } => address(&value).map(|a| Accepted::new(a.to_string(), move |s| set(s, a))),
        Kind::OptionalAddress { set } if value.text.is_empty() => {
            Ok(Accepted::new(String::new(), move |s| set(s, None)))
        }
        Kind::OptionalAddress { set } => {
            address(&value).map(|a| Accepted::new(a.to_string(), move |s| set(s, Some(a))))
        }
        Kind::Path { set } => path(&value).map(|p| Accepted::new(text_of(&p), move |s| set(s, p.clone()))),
        Kind::Destination { set } => {
            let destination = destination(&value)?;
            Ok(Accepted::new(value.text.to_owned(), move |s| set(s, destination.clone())))
        }
        Kind::OptionalPath { set } if value.text.is_empty() => {
            Ok(Accepted::new(String::new(), move |s| set(s, None)))
        }
        Kind::OptionalPath { set } => {
            path(&value).map(|p| Accepted::new(text_of(&p), move |s| set(s, Some(p.clone()))))
        }
        Kind::Text { good, set, .. } => {
            let text = text(setting, &value, good)?;
            Ok(Accepted::new(text.clone(), move |s| set(s, text.clone())))
        }
        Kind::Name { set } => name(&value).map(|n| Accepted::new(n.clone(), move |s| set(s, n.clone()))),
        Kind::OneOf { choices } | Kind::AnyOf { choices } => {
            choice(choices, &value).map(|(name, set)| Accepted::new(name.to_owned(), set))
        }
    }
}

/// YAML gives types to plain scalars. Taking the other type in silence would make the file mean something
/// else to every other reader of it, the JSON Schema included.
fn right_form(kind: Kind, scalar: &Scalar, shown: &str) -> Result<(), Fault> {
    match (kind, scalar.form) {
        (Kind::Count { .. } | Kind::Switch { .. }, Form::Quoted) => {
            Err(Fault::new(format!("{shown} is text"), "write it without quotes"))
        }
        (
            Kind::Path { .. }
            | Kind::Destination { .. }
            | Kind::OptionalPath { .. }
            | Kind::Text { .. }
            | Kind::Name { .. },
            Form::Plain,
        ) => match plain_type(&scalar.text) {
            Some(found) => Err(Fault::new(format!("{shown} is {found} in YAML"), "put it in quotes")),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// What YAML's core schema makes of a plain scalar that is not text.
fn plain_type(text: &str) -> Option<&'static str> {
    if matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE") {
        return Some("true or false");
    }
    let all = |digits: &str, radix| !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    let hexadecimal = text.strip_prefix("0x").is_some_and(|digits| all(digits, 16));
    let octal = text.strip_prefix("0o").is_some_and(|digits| all(digits, 8));
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    // Rust also reads `inf` and `nan` as numbers, which in YAML begin with a dot.
    let decimal =
        unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') && unsigned.parse::<f64>().is_ok();
    let special = matches!(unsigned.to_ascii_lowercase().as_str(), ".inf" | ".nan");
    (hexadecimal || octal || decimal || special).then_some("a number")
}

fn within<T: PartialOrd + Copy>(
    setting: &Setting,
    value: &Shown<'_>,
    got: T,
    (min, max): (T, T),
) -> Result<T, Fault> {
    let wrong = match () {
        () if got < min => "too small",
        () if got > max => "too large",
        () => return Ok(got),
    };
    Err(Fault::new(format!("{} is {wrong}", value.shown), format!("allowed: {}", allowed(setting))))
}

fn size(value: &Shown<'_>) -> Result<u64, Fault> {
    let measure = || Measure { noun: "size", units: units::size_units(), example: "2MiB" };
    units::size(value.text).map_err(|error| unit_fault(value, &measure(), error))
}

fn duration(value: &Shown<'_>) -> Result<Duration, Fault> {
    let measure = || Measure { noun: "duration", units: units::duration_units(), example: "30s" };
    units::duration(value.text).map_err(|error| unit_fault(value, &measure(), error))
}

/// A unit of measure in messages.
struct Measure {
    noun: &'static str,
    units: String,
    example: &'static str,
}

fn unit_fault(value: &Shown<'_>, measure: &Measure, error: UnitError) -> Fault {
    let (shown, Measure { noun, units, example }) = (&value.shown, measure);
    let advice = format!("write a number and one of the units {units}, for example {example}");
    match error {
        UnitError::NoNumber => Fault::new(format!("{shown} is not a {noun}"), advice),
        UnitError::NoUnit { meant } => {
            // A secret is not repeated, not even corrected.
            let meant = meant.filter(|_| shown.starts_with('"'));
            let advice = meant.map_or(advice, |meant| format!("did you mean {meant}?"));
            Fault::new(format!("{shown} does not end in a unit of {noun}"), advice)
        }
        UnitError::NotWhole(smallest) => {
            Fault::new(format!("{shown} is not a whole number of {smallest}s"), advice)
        }
        UnitError::TooLarge => Fault::new(format!("{shown} is too large for a {noun}"), advice),
    }
}

fn count(value: &Shown<'_>) -> Result<u32, Fault> {
    let digits = !value.text.is_empty() && value.text.bytes().all(|b| b.is_ascii_digit());
    if !digits {
        let advice = "write digits only, for example 1000";
        return Err(Fault::new(format!("{} is not a whole number", value.shown), advice));
    }
    // What does not fit is too large for every range.
    Ok(value.text.parse().unwrap_or(u32::MAX))
}

fn switch(value: &Shown<'_>) -> Result<bool, Fault> {
    value
        .text
        .parse()
        .map_err(|_| Fault::new(format!("{} is neither true nor false", value.shown), "write true or false"))
}

/// `:8080` means all IPv4 addresses; `localhost` is the one name that needs no lookup.
fn address(value: &Shown<'_>) -> Result<SocketAddr, Fault> {
    let (host, port) = value.text.rsplit_once(':').unwrap_or((value.text, ""));
    let port =
        Some(port).filter(|p| p.bytes().all(|b| b.is_ascii_digit())).and_then(|p| p.parse::<u16>().ok());
    let known = match (host, port) {
        ("", Some(port)) => Some(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))),
        ("localhost", Some(port)) => Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        _ => value.text.parse().ok(),
    };
    known.ok_or_else(|| {
        let advice =
            "write an IP address and a port, for example 127.0.0.1:8080, [::1]:8080, or :8080 for all";
        Fault::new(format!("{} is not an address to listen on", value.shown), advice)
    })
}

fn path(value: &Shown<'_>) -> Result<PathBuf, Fault> {
    let advice = "write the path of a file or folder on this machine";
    let wrong = match value.text {
        "" => "is empty".to_owned(),
        text if text == "~" || text.starts_with("~/") => format!("{} is not expanded here", value.shown),
        text if text.contains("://") => format!("{} is a URL", value.shown),
        text if text.chars().any(char::is_control) => format!("{} has control characters", value.shown),
        text => return Ok(PathBuf::from(text)),
    };
    Err(Fault::new(wrong, advice))
}

/// A path, or `scheme://bucket[/prefix]`.
fn destination(value: &Shown<'_>) -> Result<Destination, Fault> {
    if !value.text.contains("://") {
        return path(value).map(Destination::Folder);
    }
    if !is_store(value.text) {
        let advice = "write s3://bucket/prefix, az://container/prefix or gs://bucket/prefix";
        return Err(Fault::new(format!("{} is not the URL of an object store", value.shown), advice));
    }
    Ok(Destination::Store(value.text.to_owned()))
}

/// Whether it is the URL of an object store.
pub(in super::super) fn is_store(text: &str) -> bool {
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let bucket = rest.split('/').next().unwrap_or_default();
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '@' | '%');
    ["s3", "az", "gs"].contains(&scheme) && !bucket.is_empty() && !text.contains(odd)
}

fn text_of(path: &std::path::Path) -> String {
    path.to_string_lossy().into_owned()
}

fn text(setting: &Setting, value: &Shown<'_>, good: fn(&str) -> bool) -> Result<String, Fault> {
    if good(value.text) && !value.text.chars().any(char::is_control) {
        return Ok(value.text.to_owned());
    }
    Err(Fault::new(format!("{} is not allowed", value.shown), format!("allowed: {}", allowed(setting))))
}

/// The same rule as the topic names of the queue.
fn name(value: &Shown<'_>) -> Result<String, Fault> {
    let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let good = (1..=MAX_NAME).contains(&value.text.len()) && value.text.bytes().all(known);
    if good && !matches!(value.text, "." | "..") {
        return Ok(value.text.to_owned());
    }
    let advice = "allowed: 1 to 200 characters of A-Z a-z 0-9 . _ -, not \".\" or \"..\"";
    Err(Fault::new(format!("{} is not a name", value.shown), advice))
}

fn choice(choices: &'static [Choice], value: &Shown<'_>) -> Result<Offered, Fault> {
    let names = || offered(choices).collect::<Vec<_>>().join(", ");
    match choices.iter().find(|choice| choice.name == value.text) {
        Some(Choice { name, effect: Effect::Set(set) }) => Ok((name, *set)),
        Some(Choice { effect: Effect::Absent(why), .. }) => {
            Err(Fault::new(format!("{} {why}", value.shown), format!("allowed: {}", names())))
        }
        None => {
            let near = suggest::nearest(value.text, offered(choices));
            let hint = near.map(|name| format!("did you mean {name}? ")).unwrap_or_default();
            Err(Fault::new(format!("{} is not known", value.shown), format!("{hint}allowed: {}", names())))
        }
    }
}

fn offered(choices: &'static [Choice]) -> impl Iterator<Item = &'static str> {
    choices.iter().filter(|choice| matches!(choice.effect, Effect::Set(_))).map(|choice| choice.name)
}

/// A list, or one text with commas.
fn any_of(choices: &'static [Choice], raw: &Raw) -> Result<Accepted, Vec<Fault>> {
    let parts: Vec<(&str, &Scalar)> = match raw {
        Raw::One(scalar) if scalar.is_null() => {
            return Err(vec![Fault::new("has no value", "write one, or remove the line")]);
        }
        Raw::One(scalar) => scalar.text.split(',').map(|part| (part.trim(), scalar)).collect(),
        Raw::Many(scalars) => scalars.iter().map(|scalar| (scalar.text.as_str(), scalar)).collect(),
    };
    if parts.iter().all(|(text, _)| text.is_empty()) {
        let names = offered(choices).collect::<Vec<_>>().join(", ");
        return Err(vec![Fault::new("is empty", format!("write at least one of {names}"))]);
    }
    let (good, bad): (Vec<_>, Vec<_>) =
        parts.into_iter().map(|part| member(choices, part)).partition(Result::is_ok);
    let faults: Vec<Fault> = bad.into_iter().filter_map(Result::err).collect();
    if !faults.is_empty() {
        return Err(faults);
    }
    let chosen: Vec<_> = good.into_iter().flatten().collect();
    // The catalogue's order and each once, so that equal sets have equal texts.
    let is_chosen = |name: &&str| chosen.iter().any(|(other, _)| other == name);
    let text = offered(choices).filter(is_chosen).collect::<Vec<_>>().join(", ");
    Ok(Accepted::new(text, move |s| chosen.iter().for_each(|(_, set)| set(s))))
}

fn member(choices: &'static [Choice], (text, scalar): (&str, &Scalar)) -> Result<Offered, Fault> {
    let found = choice(choices, &Shown { text, shown: quoted(text) });
    found.map_err(|fault| match scalar.spot {
        Some(spot) => fault.at(spot),
        None => fault,
    })
}
