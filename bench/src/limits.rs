//! What nothing can be faster than: the same bodies validated, parsed by others, copied, and written.

use std::io::Write;
use std::time::{Duration, Instant};

use logmill_model::{Format, Limits, Mode, Records, Scratch, validate};
use serde::Deserialize;

use crate::{bodies, server};

/// A record as a typed parser sees it.
#[derive(Deserialize)]
#[allow(dead_code)] // Parsing is what is measured.
struct Typed<'a> {
    #[serde(borrow)]
    timestamp: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    method: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    path: std::borrow::Cow<'a, str>,
    #[serde(borrow, rename = "userAgent")]
    user_agent: std::borrow::Cow<'a, str>,
}

/// Runs `work` for about a second over all bodies; answers records a second of CPU time. What waits for the disk is
/// measured by [`wall_rate`].
pub(crate) fn rate(bodies: &bodies::Bodies, work: impl FnMut(&[u8])) -> f64 {
    rate_by(|| server::cpu_of("self").all(), bodies, work)
}

/// The same by the clock on the wall.
fn wall_rate(bodies: &bodies::Bodies, work: impl FnMut(&[u8])) -> f64 {
    let began = Instant::now();
    rate_by(|| began.elapsed(), bodies, work)
}

fn rate_by(clock: impl Fn() -> Duration, bodies: &bodies::Bodies, mut work: impl FnMut(&[u8])) -> f64 {
    bodies.bodies.iter().for_each(|body| work(body));
    let began = clock();
    let mut records = 0;
    while clock() - began < Duration::from_secs(1) {
        for body in &bodies.bodies {
            work(body);
            records += bodies.records;
        }
    }
    records as f64 / (clock() - began).as_secs_f64()
}

/// Prints the limits.
pub(crate) fn print() {
    println!("limits, one core, the real log's bodies of 1,000 records");
    let real = bodies::real(1000);
    let limits = Limits::default();
    let show = |name: &str, rate: f64| {
        println!("{name:<34} {rate:>9.0} records/CPU-s   {:>5.0} ns a record", 1e9 / rate)
    };
    show("validate", rate(&real, |body| drop(validate(Format::Json, body, &limits, Mode::Strict))));
    show(
        "simd-json, typed",
        rate(&real, |body| {
            let mut copy = body.to_vec();
            let typed: Vec<Typed<'_>> = simd_json::from_slice(&mut copy).expect("valid");
            std::hint::black_box(&typed);
        }),
    );
    show(
        "serde_json, typed",
        rate(&real, |body| {
            let typed: Vec<Typed<'_>> = serde_json::from_slice(body).expect("valid");
            std::hint::black_box(&typed);
        }),
    );
    let mut packer = zstd::bulk::Compressor::new(1).expect("level 1");
    let (mut came, mut left) = (0, 0);
    show(
        "zstd level 1",
        rate(&real, |body| {
            let packed = packer.compress(body).expect("compressed");
            (came, left) = (came + body.len(), left + packed.len());
        }),
    );
    println!("  {:.2} of the size is left", left as f64 / came as f64);
    let folder = tempfile::tempdir_in(".").expect("a temporary folder");
    let mut file = std::fs::File::create(folder.path().join("raw")).expect("a file");
    show(
        "append and fdatasync (wall clock)",
        wall_rate(&real, |body| {
            file.write_all(body).expect("written");
            file.sync_data().expect("synced");
        }),
    );
}

/// The plain loop that the files' path is held against: render each record, write, no queue, no sync.
pub(crate) fn parse_and_write() -> f64 {
    let real = bodies::real(1000);
    let folder = tempfile::tempdir_in(".").expect("a temporary folder");
    let mut file = std::fs::File::create(folder.path().join("lines")).expect("a file");
    let mut scratch = Scratch::default();
    rate(&real, |body| {
        let mut lines = Vec::with_capacity(body.len());
        let mut records = Records::new(Format::Json, body);
        while let Some(Ok(record)) = records.next(&mut scratch) {
            record.write_line(&mut lines);
        }
        file.write_all(&lines).expect("written");
    })
}
