//! Names that only logmill gives to files.

use uuid::Uuid;

/// The end of the names of metadata files.
const METADATA: &str = ".metadata.json";
/// The length of a uuid with its hyphens.
const UUID: usize = 36;

/// Whether a file below a table's location, `data/…` or `metadata/…`, has one of our names. Those of metadata files are ours
/// only with a catalog that lies in a file.
pub(super) fn is_ours(relative: &str, with_metadata: bool) -> bool {
    match relative.split_once('/') {
        Some(("data", path)) => is_data(path.rsplit('/').next().unwrap_or_default()),
        Some(("metadata", name)) => {
            is_manifest(name) || is_list(name) || (with_metadata && is_metadata(name))
        }
        _ => false,
    }
}

/// `logmill-<uuid>….parquet`.
fn is_data(name: &str) -> bool {
    let rest = name.strip_prefix("logmill-").and_then(|rest| rest.strip_suffix(".parquet"));
    rest.and_then(|rest| rest.get(..UUID)).is_some_and(is_uuid)
}

/// `<uuid>-<snapshot>-m<number>.avro`; other engines leave the snapshot out.
fn is_manifest(name: &str) -> bool {
    let parts = name.strip_suffix(".avro").and_then(|name| name.split_at_checked(UUID));
    let Some((uuid, rest)) = parts else { return false };
    let numbers = rest.strip_prefix('-').and_then(|rest| rest.split_once("-m"));
    is_uuid(uuid) && numbers.is_some_and(|(snapshot, number)| is_number(snapshot) && is_number(number))
}

/// `snap-<snapshot>-<uuid>.avro`; other engines put the number of an attempt before the uuid.
fn is_list(name: &str) -> bool {
    let parts = name.strip_prefix("snap-").and_then(|name| name.strip_suffix(".avro"));
    numbered(parts)
}

/// `<version>-<uuid>.metadata.json`.
fn is_metadata(name: &str) -> bool {
    numbered(name.strip_suffix(METADATA))
}

/// `<number>-<uuid>`.
fn numbered(name: Option<&str>) -> bool {
    let parts = name.and_then(|name| name.split_once('-'));
    parts.is_some_and(|(number, uuid)| is_number(number) && is_uuid(uuid))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_uuid(text: &str) -> bool {
    text.len() == UUID && Uuid::try_parse(text).is_ok()
}
