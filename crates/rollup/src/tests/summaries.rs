use super::rig::{Made, Plain, add, add_at, made, plain, summarizer};
use crate::{Came, Delta, HourKey, Micros};

const SECOND: Micros = 1_000_000;
const MINUTE: u64 = 60;

fn came(delta: &Delta, hour: u32, minute: u8) -> Came {
    delta[&HourKey { hour, customer: "acme".into() }].minutes[&minute]
}

#[test]
fn a_record_is_counted_by_its_minute_its_path_and_its_family() {
    let mut summarizer = summarizer(0);
    let records = [
        made(59, "/a?x=1"),
        made(60, "/a#top"),
        Made { method: None, ..made(61, "/a") },
        Made {
            agent: "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0".to_owned(),
            ..made(3600, "/b")
        },
        made(62, r"/\u0061"),
    ];
    add(&mut summarizer, "acme", &records);
    let of = |minute, kind, key: &str| ("acme".to_owned(), minute, kind, key.to_owned());
    let expected: Plain = [
        (of(0, "path", "GET /a"), 1),
        (of(1, "path", "GET /a"), 2),
        (of(1, "path", "/a"), 1),
        (of(60, "path", "GET /b"), 1),
        (of(0, "family", "curl"), 1),
        (of(1, "family", "curl"), 3),
        (of(60, "family", "Firefox"), 1),
        (of(0, "agents", ""), 1),
        (of(60, "agents", ""), 1),
    ]
    .into();
    assert_eq!(plain(&[summarizer.take()]), expected);
    assert_eq!(plain(&[summarizer.take()]), Plain::new(), "what was taken is not given twice");
}

#[test]
fn late_is_what_lies_behind_the_watermark_in_front_of_its_batch() {
    let mut summarizer = summarizer(5 * 60 * SECOND);
    // Within a batch nothing is late, however old.
    add(&mut summarizer, "acme", &[made(100 * MINUTE, "/a"), made(0, "/a")]);
    // The watermark is now at minute 95: minute 94 has ended at it, minute 95 has not.
    add(
        &mut summarizer,
        "acme",
        &[made(94 * MINUTE + 59, "/a"), made(94 * MINUTE, "/b"), made(95 * MINUTE, "/a")],
    );
    add(&mut summarizer, "acme", &[made(94 * MINUTE, "/a"), made(0, "/a")]);
    let delta = summarizer.take();
    assert_eq!(came(&delta, 0, 0), Came { records: 2, late_records: 1, batches: 2, late_batches: 1 });
    assert_eq!(came(&delta, 1, 34), Came { records: 3, late_records: 3, batches: 2, late_batches: 2 });
    assert_eq!(came(&delta, 1, 35), Came { records: 1, late_records: 0, batches: 1, late_batches: 0 });
    assert_eq!(summarizer.highest(), Some(6000 * SECOND));
}

#[test]
fn a_client_whose_clock_runs_ahead_makes_nobody_late() {
    let mut summarizer = summarizer(0);
    add_at(&mut summarizer, "acme", 600 * SECOND, &[made(86_400, "/ahead")]);
    assert_eq!(summarizer.highest(), Some(600 * SECOND), "the door's clock bounds it");
    add_at(&mut summarizer, "acme", 600 * SECOND, &[made(600, "/now"), made(539, "/before")]);
    let delta = summarizer.take();
    assert_eq!(came(&delta, 24, 0).late_records, 0);
    assert_eq!(came(&delta, 0, 10).late_records, 0);
    assert_eq!(came(&delta, 0, 8).late_records, 1);
}

#[test]
fn rejected_records_are_not_counted() {
    let mut summarizer = summarizer(0);
    let body = super::rig::body(&[made(0, "/a"), made(1, "/b"), made(2, "/c")]);
    let batch = crate::Batch {
        customer: "acme",
        format: logmill_model::Format::Json,
        body: body.as_bytes(),
        rejected: &[1],
        received_at: 0,
    };
    assert_eq!(summarizer.add(&batch, |undecoded| panic!("{undecoded:?}")), 2);
    let paths: Vec<_> =
        plain(&[summarizer.take()]).into_keys().filter(|key| key.2 == "path").map(|key| key.3).collect();
    assert_eq!(paths, ["GET /a", "GET /c"]);
}
