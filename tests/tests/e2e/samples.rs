//! Bodies that the tests send.

use logmill_e2e::Post;

/// One record with a name of its own in `id`.
pub(crate) fn record(id: &str) -> String {
    format!(r#"{{"timestamp":"2026-01-02T03:04:05Z","method":"GET","path":"/","userAgent":"t","id":"{id}"}}"#)
}

/// The names `<prefix>-0` and so on.
pub(crate) fn ids(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}-{n}")).collect()
}

/// A JSON batch with one record for each name.
pub(crate) fn batch(ids: &[String]) -> Post {
    let records: Vec<String> = ids.iter().map(|id| record(id)).collect();
    Post::json(format!("[{}]", records.join(",")))
}

/// The same with about `bytes` more in each record.
pub(crate) fn padded(ids: &[String], bytes: usize) -> Post {
    let pad = format!(r#","pad":"{}"}}"#, "x".repeat(bytes));
    let records: Vec<String> = ids.iter().map(|id| record(id).replace('}', &pad)).collect();
    Post::json(format!("[{}]", records.join(",")))
}

/// Sorted, as the files' records are when they are compared.
pub(crate) fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort();
    ids
}

/// A number from the environment, to make a run longer or the same again.
pub(crate) fn number<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    let Ok(value) = std::env::var(name) else { return otherwise };
    value.parse().unwrap_or_else(|_| panic!("{name} is no number: {value}"))
}
