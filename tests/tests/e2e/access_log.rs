//! A real web server's log, through every format and encoding.

use std::collections::BTreeMap;
use std::path::Path;

use logmill_e2e::{Line, Post, Setup, checker, lines_below, python};
use serde_json::Value;

/// Hour → sorted (timestamp, method, path, userAgent).
pub(crate) type Hours = BTreeMap<String, Vec<[String; 4]>>;

pub(crate) fn data(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(name).to_string_lossy().into_owned()
}

/// What the log itself says, by a script that knows neither the server nor the batches.
pub(crate) fn expected() -> Hours {
    let (good, text) = python(&checker("expected.py"), &[&data("apache_access.log.gz")]);
    assert!(good, "{text}");
    let hours: Hours = serde_json::from_str(&text).expect("the script prints JSON");
    let records: usize = hours.values().map(Vec::len).sum();
    assert!(records > 9_900, "the script found {records} records only");
    hours
}

fn text(record: &Value, field: &str) -> String {
    record[field].as_str().unwrap_or_else(|| panic!("no {field} in {record}")).to_owned()
}

/// The same from the files of one customer.
pub(crate) fn found(lines: &[Line], customer: &str) -> Hours {
    let mut hours = Hours::new();
    for Line { file, record } in lines {
        let Some(file) = file.strip_prefix(&format!("{customer}/")) else { continue };
        let hour = file.trim_end_matches(".log.json").to_owned();
        let fields = ["timestamp", "method", "path", "userAgent"].map(|name| text(record, name));
        assert_eq!(record.as_object().map(serde_json::Map::len), Some(4), "{record}");
        hours.entry(hour).or_default().push(fields);
    }
    hours.values_mut().for_each(|records| records.sort());
    hours
}

/// The customer's files hold the log's records, all of them and nothing else.
pub(crate) fn is_whole(lines: &[Line], customer: &str, expected: &Hours) {
    let found = found(lines, customer);
    let counts = |hours: &Hours| hours.iter().map(|(hour, r)| (hour.clone(), r.len())).collect::<Vec<_>>();
    assert_eq!(counts(&found), counts(expected), "{customer}");
    assert!(found == *expected, "{customer}: the same counts, but other records");
}

#[test]
fn a_real_access_log_arrives_whole_in_every_format_and_encoding() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Setup::new(&folder.path().join("data")).start_ready();
    let kinds = [("json", "application/json"), ("csv", "text/csv"), ("ndjson", "application/x-ndjson")];
    let mut customers = Vec::new();
    for (format, kind) in kinds {
        let out = folder.path().join(format);
        let arguments = ["--format", format, "--batch", "500", "--out", out.to_str().unwrap()];
        let (good, told) = python(Path::new(&data("web_batches.py")), &arguments);
        assert!(good, "{told}");
        for coding in ["identity", "gzip", "zstd", "deflate"] {
            let (customer, mut connection) = (format!("{format}-{coding}"), server.connect());
            for entry in std::fs::read_dir(&out).unwrap() {
                let body = std::fs::read(entry.unwrap().path()).unwrap();
                let post = Post::new(kind, body).encoded(coding).with("x-customer-id", &customer);
                let answer = connection.post(&post).unwrap();
                assert_eq!(answer.status, 202, "{customer}: {}", answer.text());
            }
            customers.push(customer);
        }
    }
    let ledger = server.drained();
    let expected = expected();
    let records: usize = expected.values().map(Vec::len).sum();
    assert_eq!(ledger["ledger"][0]["delivered"], records * customers.len());
    let lines = lines_below(&folder.path().join("data"));
    customers.iter().for_each(|customer| is_whole(&lines, customer, &expected));
    assert_eq!(server.stop(), Some(0));
}
