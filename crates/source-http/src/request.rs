//! What the headers of a request say, checked before its body is read.

use hyper::HeaderMap;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use logmill_http::{Coding, coding, key, single};
use logmill_model::{Customer, Format, Mode};

use crate::answer::Problem;

const CUSTOMER: HeaderName = HeaderName::from_static("x-customer-id");
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// Everything but the body.
#[derive(Debug)]
pub(crate) struct Head {
    pub customer: Customer,
    pub key: Option<String>,
    pub format: Format,
    pub coding: Coding,
    pub mode: Mode,
}

impl Head {
    pub(crate) fn parse(headers: &HeaderMap, require_customer: bool) -> Result<Self, Problem> {
        Ok(Self {
            customer: customer(headers, require_customer)?,
            key: key(headers)?,
            format: format(headers)?,
            coding: coding(headers, &CONTENT_ENCODING)?,
            mode: mode(headers),
        })
    }
}

fn customer(headers: &HeaderMap, required: bool) -> Result<Customer, Problem> {
    let Some(name) = single(headers, &CUSTOMER)? else {
        if required {
            return Err(Problem::Request("the header `x-customer-id` is missing".to_owned()));
        }
        return Ok(Customer::default());
    };
    let name = std::str::from_utf8(name).unwrap_or_default();
    Customer::parse(name).map_err(|error| Problem::Request(format!("the header `x-customer-id`: {error}")))
}

fn format(headers: &HeaderMap) -> Result<Format, Problem> {
    let allowed = "application/json, application/x-ndjson or text/csv";
    let Some(value) = single(headers, &CONTENT_TYPE)? else {
        return Err(Problem::Unsupported(format!("the header `content-type` is missing: {allowed}")));
    };
    let value = String::from_utf8_lossy(value).to_ascii_lowercase();
    let mut parts = value.split(';').map(str::trim);
    let format = match parts.next().unwrap_or_default() {
        "application/json" => Format::Json,
        "application/x-ndjson" => Format::Ndjson,
        "text/csv" => Format::Csv,
        _ => return Err(Problem::Unsupported(format!("the content type must be {allowed}"))),
    };
    let charset = parts.find_map(|part| part.strip_prefix("charset=")).map(|name| name.trim_matches('"'));
    match charset {
        None | Some("utf-8" | "utf8" | "us-ascii") => Ok(format),
        Some(_) => Err(Problem::Unsupported("the charset must be utf-8".to_owned())),
    }
}

/// `Prefer: handling=lenient` (RFC 7240). A preference that is not understood is ignored, as the RFC says.
fn mode(headers: &HeaderMap) -> Mode {
    let preferences = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
    let parts = preferences.flat_map(|value| value.split([',', ';']));
    let mut handlings = parts.filter_map(|part| {
        let part = part.replace([' ', '\t', '"'], "").to_ascii_lowercase();
        part.strip_prefix("handling=").map(str::to_owned)
    });
    // Of a preference that stands twice the first counts.
    let lenient = handlings.next().is_some_and(|handling| handling == "lenient");
    if lenient { Mode::Lenient } else { Mode::Strict }
}
