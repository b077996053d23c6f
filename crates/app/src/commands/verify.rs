//! `logmill verify`: are the records that `generate` was told to be stored in the hourly files, each once?

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use logmill_model::{HourPath, Timestamp};
use serde_json::Value;

use super::generate::checksum;
use crate::cli::VerifyArgs;
use crate::exit::{CONFIG, Failure, IO};
use crate::settings::Settings;

/// The batches of one run.
#[derive(Default)]
struct Expected {
    /// How often each record was found.
    found: HashMap<u64, u32>,
    /// Whose it is.
    customers: HashMap<u64, String>,
}

#[derive(Default)]
struct Counts {
    expected: u64,
    missing: u64,
    duplicate: u64,
    altered: u64,
    invented: u64,
}

/// Compares.
pub(crate) fn run(settings: &Settings, args: &VerifyArgs) -> anyhow::Result<()> {
    let mut runs = read_receipts(&args.receipts)?;
    let mut counts =
        Counts { expected: runs.values().map(|run| run.customers.len() as u64).sum(), ..Counts::default() };
    let Some(folder) = settings.files.dir.folder() else {
        let text = "files.dir: `logmill verify` reads a folder; copy the objects of the store into one";
        return Err(Failure::new(CONFIG, text).into());
    };
    let root = folder.join("logs");
    for file in files(&root)? {
        read_file(&root, &file, &mut runs, &mut counts)?;
    }
    for run in runs.values() {
        for sequence in run.customers.keys() {
            match run.found.get(sequence) {
                None => counts.missing += 1,
                Some(1) => {}
                Some(n) => counts.duplicate += u64::from(n - 1),
            }
        }
    }
    let Counts { expected, missing, duplicate, altered, invented } = counts;
    println!(
        "stored {expected} missing {missing} duplicate {duplicate} altered {altered} invented {invented}"
    );
    if missing + duplicate + altered + invented == 0 {
        return Ok(());
    }
    Err(Failure::new(IO, "the files do not hold what was answered to be stored").into())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(IO, format!("cannot read {}: {error}", path.display()))
}

#[allow(clippy::disallowed_methods)] // The command reads what anybody could read, beside the pipeline.
fn lines(path: &Path) -> Result<impl Iterator<Item = String>, Failure> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    Ok(BufReader::new(file).lines().map_while(Result::ok))
}

fn read_receipts(path: &Path) -> Result<HashMap<String, Expected>, Failure> {
    let mut runs: HashMap<String, Expected> = HashMap::new();
    for line in lines(path)? {
        let receipt: Value = serde_json::from_str(&line).unwrap_or_default();
        let (run, customer) = (receipt["run"].as_str(), receipt["customer"].as_str());
        let (Some(run), Some(customer), Some(from), Some(to)) =
            (run, customer, receipt["from"].as_u64(), receipt["to"].as_u64())
        else {
            return Err(Failure::new(
                IO,
                format!("{} holds a line that `generate` did not write", path.display()),
            ));
        };
        let expected = runs.entry(run.to_owned()).or_default();
        expected.customers.extend((from..to).map(|sequence| (sequence, customer.to_owned())));
    }
    Ok(runs)
}

#[allow(clippy::disallowed_methods)] // As above.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).map_err(|error| unreadable(&folder, &error))?;
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(".log.json") {
                found.push(path);
            }
        }
    }
    Ok(found)
}

fn read_file(
    root: &Path,
    path: &Path,
    runs: &mut HashMap<String, Expected>,
    counts: &mut Counts,
) -> Result<(), Failure> {
    for line in lines(path)? {
        let Ok(record) = serde_json::from_str::<Value>(&line) else {
            // Others may have sent numbers that are beyond this parser.
            counts.altered += u64::from(runs.keys().any(|run| line.contains(run.as_str())));
            continue;
        };
        let (Some(run), Some(sequence)) = (record["run"].as_str(), record["sequence"].as_u64()) else {
            continue;
        };
        let Some(expected) = runs.get_mut(run) else { continue };
        let Some(customer) = expected.customers.get(&sequence) else {
            counts.invented += 1;
            continue;
        };
        if is_intact(&record, run, sequence, customer) && is_in_place(root, path, &record, customer) {
            *expected.found.entry(sequence).or_default() += 1;
        } else {
            counts.altered += 1;
        }
    }
    Ok(())
}

fn is_intact(record: &Value, run: &str, sequence: u64, customer: &str) -> bool {
    let text = |name: &str| record[name].as_str().unwrap_or_default();
    let (time, path, agent) = (text("timestamp"), text("path"), text("userAgent"));
    text("checksum") == checksum(run, sequence, customer, time, path, agent)
}

/// Whether the record lies in the file of its hour and customer.
fn is_in_place(root: &Path, path: &Path, record: &Value, customer: &str) -> bool {
    let time = record["timestamp"].as_str().and_then(|time| Timestamp::parse(time).ok());
    let Some(hour) = time.and_then(|time| HourPath::new(time.hour())) else { return false };
    let folder = if customer == "default" { root.to_path_buf() } else { root.join(customer) };
    path == folder.join(hour.date()).join(format!("{}.log.json", hour.hour()))
}
