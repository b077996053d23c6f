//! Which hourly files there are, for who reads them.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use logmill_model::{Customer, HourPath};
use logmill_world::Fs;

/// The file of an hour of one customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HourlyFile {
    /// Whose records.
    pub customer: Customer,
    /// Hours since 1970, UTC.
    pub hour: u32,
    /// Where it lies.
    pub path: PathBuf,
}

/// Where the file of an hour lies below `logs/`, which is `root`.
pub(crate) fn path(root: &Path, default_customer: &str, customer: &str, hour: u32) -> Option<PathBuf> {
    let place = HourPath::new(hour)?;
    let mut path = root.to_path_buf();
    if customer != default_customer {
        path.push(customer);
    }
    Some(path.join(place.date()).join(format!("{}.log.json", place.hour())))
}

/// The files of these hours below `logs/` in `dir`, by customer and hour.
///
/// # Errors
/// A folder cannot be read.
pub fn hourly_files(
    fs: &dyn Fs,
    dir: &Path,
    default_customer: &Customer,
    hours: &Range<u32>,
) -> io::Result<Vec<HourlyFile>> {
    let root = dir.join("logs");
    let mut customers = vec![default_customer.clone()];
    let names = list(fs, &root)?;
    // A folder that is called like a day may be a customer's too.
    let others = names.iter().filter_map(|name| Customer::parse(name).ok());
    customers.extend(others.filter(|customer| customer != default_customer));
    let mut files = Vec::new();
    for customer in customers {
        let mut hour = hours.start;
        while hour < hours.end {
            let next_day = (hour / 24 + 1) * 24;
            let day = hour..next_day.min(hours.end);
            hour = next_day;
            files.extend(of_day(fs, &root, default_customer, &customer, day)?);
        }
    }
    Ok(files)
}

fn of_day(
    fs: &dyn Fs,
    root: &Path,
    default_customer: &Customer,
    customer: &Customer,
    hours: Range<u32>,
) -> io::Result<Vec<HourlyFile>> {
    let place = |hour| path(root, default_customer.as_str(), customer.as_str(), hour);
    let Some(first) = place(hours.start) else { return Ok(Vec::new()) };
    let names = list(fs, first.parent().unwrap_or(root))?;
    let there =
        |path: &PathBuf| path.file_name().is_some_and(|name| names.iter().any(|known| **known == *name));
    let file = |hour| {
        let path = place(hour).filter(there)?;
        Some(HourlyFile { customer: customer.clone(), hour, path })
    };
    Ok(hours.filter_map(file).collect())
}

fn list(fs: &dyn Fs, folder: &Path) -> io::Result<Vec<String>> {
    match fs.list(folder) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        names => names,
    }
}
