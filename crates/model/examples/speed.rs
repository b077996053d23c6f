//! Nanoseconds a record of validation and rendering, against serde_json and simd-json into typed records.
//!
//! `python3 web_batches.py --batch 1000 --format json --out DIR/json` (likewise `ndjson`, `csv`), then
//! `cargo run --release --example speed -- DIR`.

#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

use std::borrow::Cow;
use std::hint::black_box;
use std::time::Instant;

use logmill_model::{Format, Limits, Mode, Records, Scratch, validate};
use serde::Deserialize;

/// What a service would declare; further fields are not even kept.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only parsed")]
struct Typed<'a> {
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    path: Cow<'a, str>,
    #[serde(borrow)]
    user_agent: Cow<'a, str>,
}

fn main() {
    let dir = std::env::args().nth(1).unwrap_or_else(|| "/tmp/model-bodies".to_owned());
    let json = bodies(&dir, "json");
    for (name, format) in [("json", Format::Json), ("ndjson", Format::Ndjson), ("csv", Format::Csv)] {
        let bodies = bodies(&dir, name);
        report(name, "validate", &bodies, |body| {
            validate(format, body, &Limits::default(), Mode::Strict).unwrap().records
        });
        let (mut scratch, mut out) = (Scratch::default(), Vec::new());
        report(name, "walk and write lines", &bodies, |body| render(format, body, &mut scratch, &mut out));
    }
    // The same records so that no line can be copied as a whole: behind a space.
    let spaced: Vec<_> = json.iter().map(|body| replace(body, "\"path\":", "\"path\": ")).collect();
    let (mut scratch, mut out) = (Scratch::default(), Vec::new());
    report("json, spaced", "walk and write lines", &spaced, |body| {
        render(Format::Json, body, &mut scratch, &mut out)
    });
    let more = r#"","status":200,"bytes":12345,"host":"www.example.org"}"#;
    let further: Vec<_> = json.iter().map(|body| replace(body, "\"}", more)).collect();
    report("json, +3 fields", "validate", &further, |body| {
        validate(Format::Json, body, &Limits::default(), Mode::Strict).unwrap().records
    });
    report("json, +3 fields", "walk and write lines", &further, |body| {
        render(Format::Json, body, &mut scratch, &mut out)
    });
    report("json", "copy", &json, |body| {
        out.clear();
        out.extend_from_slice(body);
        1000
    });
    report("json", "UTF-8 check, simdutf8", &json, |body| {
        u32::from(simdutf8::basic::from_utf8(black_box(body)).is_ok()) * 1000
    });
    report("json", "UTF-8 check, std", &json, |body| {
        u32::from(std::str::from_utf8(black_box(body)).is_ok()) * 1000
    });
    report("json", "serde_json, typed", &json, |body| {
        serde_json::from_slice::<Vec<Typed<'_>>>(body).unwrap().len() as u32
    });
    report("json", "copy and simd-json, typed", &json, |body| {
        out.clear();
        out.extend_from_slice(body);
        simd_json::from_slice::<Vec<Typed<'_>>>(&mut out).unwrap().len() as u32
    });
}

fn render(format: Format, body: &[u8], scratch: &mut Scratch, out: &mut Vec<u8>) -> u32 {
    out.clear();
    let (mut records, mut count) = (Records::new(format, body), 0);
    while let Some(record) = records.next(scratch) {
        record.unwrap().write_line(out);
        count += 1;
    }
    count
}

fn replace(body: &[u8], from: &str, to: &str) -> Vec<u8> {
    String::from_utf8_lossy(body).replace(from, to).into_bytes()
}

fn bodies(dir: &str, name: &str) -> Vec<Vec<u8>> {
    (0..10).map(|i| std::fs::read(format!("{dir}/{name}/{i:05}.{name}")).unwrap()).collect()
}

/// The best of 30 rounds: the machine is shared, and the best disturbs least.
fn report(name: &str, what: &str, bodies: &[Vec<u8>], mut run: impl FnMut(&[u8]) -> u32) {
    let mut best = f64::INFINITY;
    for _ in 0..30 {
        let start = Instant::now();
        let mut records = 0;
        for _ in 0..5 {
            records += bodies.iter().map(|body| black_box(run(black_box(body)))).sum::<u32>();
        }
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(records));
    }
    println!("{name:16} {what:28} {best:7.1} ns a record");
}
