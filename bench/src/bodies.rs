//! Bodies of the real access log in `tests/data`, made by its own script.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Bodies and how many records each holds.
pub(crate) struct Bodies {
    /// JSON arrays.
    pub(crate) bodies: Vec<Vec<u8>>,
    /// Records in each.
    pub(crate) records: u64,
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data")
}

/// JSON bodies of `batch` real records.
pub(crate) fn real(batch: u64) -> Bodies {
    let out = tempfile::tempdir().expect("a temporary folder");
    let status = Command::new("python3")
        .arg(data().join("web_batches.py"))
        .args(["--batch", &batch.to_string(), "--out"])
        .arg(out.path())
        .stdout(std::process::Stdio::null())
        .status()
        .expect("python3 runs");
    assert!(status.success(), "web_batches.py failed");
    let mut names: Vec<_> =
        std::fs::read_dir(out.path()).expect("bodies").map(|entry| entry.expect("an entry").path()).collect();
    names.sort();
    let bodies = names.iter().map(|path| std::fs::read(path).expect("a body")).collect();
    Bodies { bodies, records: batch }
}

/// The same records with further fields, numbers, nesting and offsets: about 300 bytes each.
pub(crate) fn rich(batch: u64) -> Bodies {
    let mut bodies = real(batch);
    let zones = ["+01:00", "-05:30", "+00:00", "Z"];
    for body in &mut bodies.bodies {
        let text = String::from_utf8_lossy(body).into_owned();
        let mut out = String::with_capacity(text.len() * 3 / 2);
        for (n, record) in text.split_inclusive("\"}").enumerate() {
            let zone = zones[n % zones.len()];
            let record = record.replacen("Z\"", &format!(".{:03}{zone}\"", n % 1000), 1);
            match record.strip_suffix('}') {
                Some(start) => out.push_str(&format!(
                    "{start},\"status\":{},\"bytes\":{},\"took\":{}.{},\"geo\":{{\"country\":\"DE\",\"at\":[{},{}.5]}}}}",
                    200 + n % 300, n * 7919, n % 9, n % 97, n % 90, n % 180
                )),
                None => out.push_str(&record),
            }
        }
        *body = out.into_bytes();
    }
    bodies
}
