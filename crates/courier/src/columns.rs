//! Which columns of a table hold what the courier needs: by their usual names, by older ones, or as the settings say.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::field::{FIELDS, Kind};

/// What is needed beside the fields of a line: the name in the settings, and the columns that usually hold it.
const KEYS: [(&str, &[&str]); 4] = [
    ("inserted_at", &["insertedAt"]),
    ("session", &["raftSessionID", "raftSessionId"]),
    ("target_bucket", &["loggingTargetBucket"]),
    ("target_prefix", &["loggingTargetPrefix"]),
];

/// Bytes of a value that are read; the rest of it is not delivered.
const MAX_VALUE: usize = 1 << 20;

/// Bytes that a line has beside its texts, about: numbers, time, blanks, quotes.
const REST: usize = 128;

/// The expressions of everything that is read, by the names in the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns(BTreeMap<&'static str, String>);

/// What a table lacks, all of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsuitable {
    /// No column is known to hold these.
    #[error(
        "{table} has no column for {}; name one, or an expression, with {}",
        list(fields),
        settings(fields)
    )]
    Missing {
        /// The table.
        table: String,
        /// Names in the settings.
        fields: Vec<&'static str>,
    },
    /// The settings name what there is not.
    #[error("there is no field {}; there are {}", settings(unknown), list(&names()))]
    Unknown {
        /// As the settings have them.
        unknown: Vec<String>,
    },
}

fn list<T: AsRef<str>>(names: &[T]) -> String {
    names.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}

fn settings<T: AsRef<str>>(names: &[T]) -> String {
    list(&names.iter().map(|name| format!("courier.columns.{}", name.as_ref())).collect::<Vec<_>>())
}

/// Everything that has a name in the settings.
fn names() -> Vec<&'static str> {
    KEYS.iter().map(|(name, _)| *name).chain(FIELDS.iter().map(|field| field.name)).collect()
}

impl Columns {
    /// Finds all that is needed in a table with these columns. What the settings say goes before usual names: the name of a column, or
    /// an expression of ClickHouse.
    ///
    /// # Errors
    /// Everything that is missing or unknown, at once.
    pub fn find(
        table: &str,
        columns: &BTreeSet<String>,
        said: &BTreeMap<String, String>,
    ) -> Result<Self, Unsuitable> {
        let unknown: Vec<String> =
            said.keys().filter(|name| !names().contains(&name.as_str())).cloned().collect();
        if !unknown.is_empty() {
            return Err(Unsuitable::Unknown { unknown });
        }
        let (mut found, mut missing) = (BTreeMap::new(), Vec::new());
        for (name, usual) in KEYS.into_iter().chain(FIELDS.iter().map(|field| (field.name, field.columns))) {
            let usually =
                || usual.iter().find(|column| columns.contains(**column)).map(|column| quoted(column));
            let ours = said
                .get(name)
                .map(|said| if columns.contains(said) { quoted(said) } else { format!("({said})") });
            match ours.or_else(usually) {
                Some(expression) => drop(found.insert(name, expression)),
                None if usual.is_empty() => drop(found.insert(name, "NULL".to_owned())),
                None => missing.push(name),
            }
        }
        if missing.is_empty() {
            Ok(Self(found))
        } else {
            Err(Unsuitable::Missing { table: table.to_owned(), fields: missing })
        }
    }

    /// The expression of a key or a field.
    pub(crate) fn of(&self, name: &str) -> &str {
        // `find` has put all of them in.
        self.0.get(name).map_or("NULL", String::as_str)
    }

    /// `(insertedAt, startTime, req_id)` of a record, which those of a stream are ordered by; as it stands in the table, since anything else would
    /// have all of it read.
    pub(crate) fn place(&self) -> String {
        format!("({}, {}, ifNull({}, ''))", self.of("inserted_at"), self.of("time"), self.of("request_id"))
    }

    /// Whether a record is of the stream that a statement has as parameters.
    pub(crate) fn is_of_stream(&self) -> String {
        format!("{} = {{session:UInt16}} AND {} = {{bucket:String}}", self.of("session"), self.of("bucket"))
    }

    /// The bytes of a record's texts, and some more for the rest.
    pub(crate) fn bytes(&self) -> String {
        let texts = FIELDS.iter().filter(|field| matches!(field.kind, Kind::Plain | Kind::Quoted));
        let lengths: Vec<String> =
            texts.map(|field| format!("ifNull(length({}), 0)", self.cell(field.name, field.kind))).collect();
        format!("toUInt64({REST}) + {}", lengths.join(" + "))
    }

    /// What a row of [`Rows`](crate::rows::Rows) has, in its order: the hash, the target, the cells.
    #[must_use]
    pub fn row(&self) -> Vec<String> {
        self.keys().into_iter().chain(self.cells()).collect()
    }

    fn cells(&self) -> Vec<String> {
        FIELDS.iter().map(|field| self.cell(field.name, field.kind)).collect()
    }

    /// The hash of a record and the names of its target.
    pub(crate) fn keys(&self) -> [String; 3] {
        let inserted_at = format!("toUnixTimestamp({})", self.of("inserted_at"));
        // NULL has no place in a target.
        let [bucket, prefix] = ["target_bucket", "target_prefix"]
            .map(|name| format!("ifNull(CAST({} AS Nullable(String)), '')", self.of(name)));
        // A tuple, because the hash of NULL alone is NULL.
        let hash =
            format!("cityHash64(tuple({inserted_at}, {bucket}, {prefix}, {}))", self.cells().join(", "));
        [hash, bucket, prefix]
    }

    fn cell(&self, name: &str, kind: Kind) -> String {
        let cast = format!("CAST({} AS {})", self.of(name), kind.column_type());
        match kind {
            Kind::Plain | Kind::Quoted => format!("substring({cast}, 1, {MAX_VALUE})"),
            _ => cast,
        }
    }
}

/// A name as ClickHouse takes it, whatever is in it.
pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}
