//! Which form of an answer a caller wants (RFC 9110, section 12.5.1).

use hyper::HeaderMap;
use hyper::header::ACCEPT;

use super::problem::Problem;

/// A form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Csv,
}

impl Form {
    fn media_type(self) -> (&'static str, &'static str) {
        match self {
            Self::Json => ("application", "json"),
            Self::Csv => ("text", "csv"),
        }
    }

    /// The header `content-type`.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        }
    }
}

/// The form that the header weighs most; of equal ones the one that it names more exactly, then the first that is offered.
pub(super) fn choose(headers: &HeaderMap, offers: &[Form]) -> Result<Form, Problem> {
    let values: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let ranges: Vec<Range<'_>> =
        values.iter().flat_map(|value| value.split(',')).filter_map(Range::parse).collect();
    // Without the header, or with an empty one, everything is welcome.
    if headers.get_all(ACCEPT).iter().all(|value| value.is_empty()) {
        return offers.first().copied().ok_or(Problem::Failed);
    }
    let mut best: Option<((u16, u8), Form)> = None;
    for offer in offers {
        // The most exact range decides about a form.
        let matching = ranges.iter().filter_map(|range| Some((range.exactness(*offer)?, range.weight)));
        let Some((exactness, weight)) = matching.max_by_key(|(exactness, _)| *exactness) else { continue };
        let is_better = best.is_none_or(|(before, _)| (weight, exactness) > before);
        if weight > 0 && is_better {
            best = Some(((weight, exactness), *offer));
        }
    }
    let name = |(kind, subtype)| format!("{kind}/{subtype}");
    let offered: Vec<String> = offers.iter().map(|offer| name(offer.media_type())).collect();
    best.map(|(_, form)| form).ok_or_else(|| Problem::NotAcceptable(offered.join(" and ")))
}

/// One of the header's media ranges.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    /// Thousandths.
    weight: u16,
}

impl<'a> Range<'a> {
    /// Parameters other than `q` are passed over: `text/csv; charset=utf-8` is CSV.
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let mut weights = parts.filter_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim().eq_ignore_ascii_case("q").then_some(value.trim())
        });
        let weight = weights.next().map_or(Some(1000), thousandths)?;
        Some(Self { kind, subtype, weight })
    }

    /// How exactly the range means this form: 2 by name, 1 as one of its kind, 0 as any.
    fn exactness(&self, form: Form) -> Option<u8> {
        let (kind, subtype) = form.media_type();
        match (self.kind, self.subtype) {
            ("*", "*") => Some(0),
            (a, "*") if a.eq_ignore_ascii_case(kind) => Some(1),
            (a, b) if a.eq_ignore_ascii_case(kind) && b.eq_ignore_ascii_case(subtype) => Some(2),
            _ => None,
        }
    }
}

/// A weight: `0`, `0.123`, `1`, `1.000`.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fits = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let fraction: u16 = if fits { format!("{fraction:0<3}").parse().ok()? } else { return None };
    match whole {
        "0" => Some(fraction),
        "1" if fraction == 0 => Some(1000),
        _ => None,
    }
}
