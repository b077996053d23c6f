//! Figures of columns, from the file's own statistics, as the Iceberg specification wants them in a manifest (data_file, fields 108
//! to 132). Bounds only of top-level columns, strings cut to 16 code points.

use std::collections::HashMap;

use iceberg::spec::Datum;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::statistics::Statistics;

use crate::table::TIMESTAMP;

/// Code points that are kept of a string (`write.metadata.metrics.default`).
const KEPT: usize = 16;

#[derive(Default)]
pub(super) struct Metrics {
    pub sizes: HashMap<i32, u64>,
    pub values: HashMap<i32, u64>,
    pub nulls: HashMap<i32, u64>,
    pub lower: HashMap<i32, Datum>,
    pub upper: HashMap<i32, Datum>,
    /// Where the row groups begin.
    pub offsets: Vec<i64>,
}

/// The smallest and the largest value of a column so far.
#[derive(Clone, PartialEq, Debug)]
enum Bounds {
    Numbers(i64, i64),
    Texts(Vec<u8>, Vec<u8>),
}

impl Metrics {
    pub(super) fn of(file: &ParquetMetaData) -> Self {
        let mut metrics = Self::default();
        // None: there are values without a known bound.
        let mut bounds: HashMap<i32, Option<Bounds>> = HashMap::new();
        let mut kinds: HashMap<i32, parquet::basic::Type> = HashMap::new();
        for group in file.row_groups() {
            let first = group.columns().first().map(ColumnChunkMetaData::byte_range);
            metrics.offsets.extend(first.and_then(|(at, _)| i64::try_from(at).ok()));
            for chunk in group.columns() {
                let Some(id) = field_id(chunk) else { continue };
                let size = u64::try_from(chunk.compressed_size()).unwrap_or(0);
                *metrics.sizes.entry(id).or_default() += size;
                if chunk.column_path().parts().len() == 1 {
                    kinds.insert(id, chunk.column_type());
                    metrics.count(id, chunk);
                    widen(&mut bounds, id, chunk);
                }
            }
        }
        for (id, bounds) in bounds {
            metrics.bound(id, kinds.get(&id).copied(), bounds);
        }
        metrics
    }

    fn count(&mut self, id: i32, chunk: &ColumnChunkMetaData) {
        *self.values.entry(id).or_default() += u64::try_from(chunk.num_values()).unwrap_or(0);
        *self.nulls.entry(id).or_default() +=
            chunk.statistics().and_then(Statistics::null_count_opt).unwrap_or(0);
    }

    fn bound(&mut self, id: i32, kind: Option<parquet::basic::Type>, bounds: Option<Bounds>) {
        match bounds {
            Some(Bounds::Numbers(least, most)) => {
                self.lower.extend(number(id, kind, least).map(|datum| (id, datum)));
                self.upper.extend(number(id, kind, most).map(|datum| (id, datum)));
            }
            Some(Bounds::Texts(least, most)) => {
                self.lower.extend(below(&least).map(|text| (id, Datum::string(text))));
                self.upper.extend(above(&most).map(|text| (id, Datum::string(text))));
            }
            None => {}
        }
    }
}

fn field_id(chunk: &ColumnChunkMetaData) -> Option<i32> {
    let descriptor = chunk.column_descr();
    let info = descriptor.self_type().get_basic_info();
    info.has_id().then(|| info.id())
}

fn number(id: i32, kind: Option<parquet::basic::Type>, value: i64) -> Option<Datum> {
    match kind? {
        parquet::basic::Type::INT32 => i32::try_from(value).ok().map(Datum::int),
        _ if id == TIMESTAMP => Some(Datum::timestamptz_micros(value)),
        _ => Some(Datum::long(value)),
    }
}

fn widen(bounds: &mut HashMap<i32, Option<Bounds>>, id: i32, chunk: &ColumnChunkMetaData) {
    let found = chunk.statistics().and_then(found);
    let nulls = chunk.statistics().and_then(Statistics::null_count_opt).unwrap_or(0);
    if found.is_none() && u64::try_from(chunk.num_values()) == Ok(nulls) {
        return;
    }
    let wider = match (bounds.remove(&id), found) {
        (None, found) => found,
        (Some(Some(Bounds::Numbers(a, b))), Some(Bounds::Numbers(c, d))) => {
            Some(Bounds::Numbers(a.min(c), b.max(d)))
        }
        (Some(Some(Bounds::Texts(a, b))), Some(Bounds::Texts(c, d))) => {
            Some(Bounds::Texts(a.min(c), b.max(d)))
        }
        _ => None,
    };
    bounds.insert(id, wider);
}

fn found(statistics: &Statistics) -> Option<Bounds> {
    match statistics {
        Statistics::Int32(of) => Some(Bounds::Numbers(i64::from(*of.min_opt()?), i64::from(*of.max_opt()?))),
        Statistics::Int64(of) => Some(Bounds::Numbers(*of.min_opt()?, *of.max_opt()?)),
        Statistics::ByteArray(of) => {
            Some(Bounds::Texts(of.min_opt()?.data().to_vec(), of.max_opt()?.data().to_vec()))
        }
        _ => None,
    }
}

/// A text that is not above the smallest value.
pub(super) fn below(least: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(least).ok()?;
    Some(text.chars().take(KEPT).collect())
}

/// A text that is not below the largest value: if it is cut, its last character is raised, or the one before it.
pub(super) fn above(most: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(most).ok()?;
    let mut kept: Vec<char> = text.chars().take(KEPT).collect();
    if kept.len() == text.chars().count() {
        return Some(text.to_owned());
    }
    while let Some(last) = kept.pop() {
        // The numbers between the two halves of the characters are no characters.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            kept.push(next);
            return Some(kept.into_iter().collect());
        }
    }
    None
}
