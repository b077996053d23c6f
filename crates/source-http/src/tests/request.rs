use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use logmill_http::Coding;
use logmill_model::{Format, Mode};

use crate::request::Head;

fn parse(headers: &[(&str, &str)]) -> Result<Head, u16> {
    parse_with(headers, false)
}

fn parse_with(headers: &[(&str, &str)], require_customer: bool) -> Result<Head, u16> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::try_from(*name).unwrap();
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    Head::parse(&map, require_customer).map_err(|problem| problem.status().as_u16())
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn content_types() {
    let table = [
        ("application/json", Ok(Format::Json)),
        ("Application/JSON", Ok(Format::Json)),
        ("application/json; charset=utf-8", Ok(Format::Json)),
        ("application/json;charset=\"UTF-8\"", Ok(Format::Json)),
        ("application/json; profile=x; charset=utf8", Ok(Format::Json)),
        ("application/x-ndjson", Ok(Format::Ndjson)),
        ("text/csv; header=present", Ok(Format::Csv)),
        ("text/csv; charset=us-ascii", Ok(Format::Csv)),
        ("text/csv; charset=iso-8859-1", Err(415)),
        ("application/json; charset=utf-16", Err(415)),
        ("application/jsonx", Err(415)),
        ("text/plain", Err(415)),
        ("", Err(415)),
    ];
    for (value, wanted) in table {
        assert_eq!(parse(&[("content-type", value)]).map(|head| head.format), wanted, "{value}");
    }
    assert_eq!(parse(&[]).err(), Some(415));
}

#[test]
fn encodings() {
    let table = [
        ("gzip", Ok(Coding::Gzip)),
        ("GZIP", Ok(Coding::Gzip)),
        ("x-gzip", Ok(Coding::Gzip)),
        (" zstd ", Ok(Coding::Zstd)),
        ("deflate", Ok(Coding::Deflate)),
        ("identity", Ok(Coding::Identity)),
        ("", Ok(Coding::Identity)),
        ("br", Err(415)),
        ("gzip, zstd", Err(415)),
    ];
    for (value, wanted) in table {
        assert_eq!(parse(&[JSON, ("content-encoding", value)]).map(|head| head.coding), wanted, "{value}");
    }
}

#[test]
fn preferences() {
    let lenient = [
        &["handling=lenient"][..],
        &["Handling=Lenient"],
        &["handling = \"lenient\""],
        &["respond-async, handling=lenient"],
        &["return=minimal", "handling=lenient"],
        &["handling=lenient; foo=bar"],
    ];
    let strict = [
        &[][..],
        &["handling=strict"],
        &["lenient"],
        &["handling=lenientish"],
        // The first one counts (RFC 7240, section 2).
        &["handling=strict, handling=lenient"],
        &["handling=strict", "handling=lenient"],
    ];
    let mode = |values: &[&str]| {
        let mut headers = vec![JSON];
        headers.extend(values.iter().map(|value| ("prefer", *value)));
        parse(&headers).unwrap().mode
    };
    lenient.iter().for_each(|values| assert_eq!(mode(values), Mode::Lenient, "{values:?}"));
    strict.iter().for_each(|values| assert_eq!(mode(values), Mode::Strict, "{values:?}"));
}

#[test]
fn duplicated_headers_are_refused() {
    for name in ["content-type", "content-encoding", "x-customer-id", "idempotency-key"] {
        let value = if name == "content-type" { "application/json" } else { "gzip" };
        let headers = [JSON, (name, value), (name, value)];
        let headers = if name == "content-type" { &headers[1..] } else { &headers };
        assert_eq!(parse(headers).err(), Some(400), "{name}");
    }
}

#[test]
fn keys() {
    let longest = "k".repeat(255);
    for good in ["a", "~!\"#", &longest] {
        assert_eq!(parse(&[JSON, ("idempotency-key", good)]).unwrap().key.as_deref(), Some(good));
    }
    let too_long = "k".repeat(256);
    for bad in ["", "a b", "\u{fc}", "a\tb", &too_long] {
        assert_eq!(parse(&[JSON, ("idempotency-key", bad)]).err(), Some(400), "{bad:?}");
    }
    assert_eq!(parse(&[JSON]).unwrap().key, None);
}

#[test]
fn customers() {
    let longest = "c".repeat(64);
    for good in ["acme", "A_b-9", &longest] {
        assert_eq!(parse(&[JSON, ("x-customer-id", good)]).unwrap().customer.as_str(), good);
    }
    let too_long = "c".repeat(65);
    for bad in ["", "..", "a/b", "a b", "\u{fc}", ".logmill", &too_long] {
        assert_eq!(parse(&[JSON, ("x-customer-id", bad)]).err(), Some(400), "{bad:?}");
    }
    assert_eq!(parse(&[JSON]).unwrap().customer.as_str(), "default");
    assert_eq!(parse_with(&[JSON], true).err(), Some(400));
}
