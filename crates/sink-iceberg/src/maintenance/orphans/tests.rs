#![allow(clippy::disallowed_methods)]

use super::Candidates;
use super::names::is_ours;
use crate::storage::Listed;

const ID: &str = "0191d3a4-7c1e-4c7a-9b57-0a1b2c3d4e5f";

#[test]
fn only_our_names_are_ours() {
    let ours = [
        "data/timestamp_day=2022-01-08/logmill-ID.parquet",
        "data/timestamp_day=2022-01-08/logmill-ID-12.parquet",
        "metadata/ID-123-m0.avro",
        "metadata/snap-123-ID.avro",
    ];
    for name in ours {
        assert!(is_ours(&name.replace("ID", ID), false), "{name}");
    }
    let theirs = [
        "data/timestamp_day=2022-01-08/00000-0-ID.parquet",
        "data/timestamp_day=2022-01-08/logmill-ID.orc",
        "data/timestamp_day=2022-01-08/logmill-other.parquet",
        "data/logmill-ID/part.parquet",
        "logmill-ID.parquet",
        "elsewhere/logmill-ID.parquet",
        // PyIceberg's, Java's and Rust's manifests and lists.
        "metadata/ID-m0.avro",
        "metadata/snap-123-0-ID.avro",
        "metadata/snap-123-1-ID.avro",
        "metadata/below/ID-123-m0.avro",
        "metadata/ID-123-m.avro",
        "metadata/ID--m0.avro",
        "metadata/snap--ID.avro",
        "metadata/snap-123-ID.stats",
        "metadata/version-hint.text",
        "metadata/ID.stats",
        "metadata/é",
        "",
    ];
    for name in theirs {
        assert!(!is_ours(&name.replace("ID", ID), true), "{name}");
    }
}

#[test]
fn metadata_files_are_ours_with_a_catalog_in_a_file_only() {
    let name = format!("metadata/00012-{ID}.metadata.json");
    assert!(is_ours(&name, true) && !is_ours(&name, false));
    for name in ["metadata/v3.metadata.json", &format!("metadata/00012-{ID}.gz.metadata.json")] {
        assert!(!is_ours(name, true), "{name}");
    }
}

fn candidates(places: &[&str]) -> Candidates {
    let mut candidates = Candidates::default();
    for place in places {
        candidates.add(Listed { location: (*place).to_owned(), size: 1, modified: 0 });
    }
    candidates
}

#[test]
fn a_path_is_reached_however_its_beginning_is_spelled() {
    let place = "s3://lake/otel/logs/data/timestamp_day=2022-01-08/logmill-a.parquet";
    let same = [
        place,
        "s3a://lake/otel/logs/data/timestamp_day=2022-01-08/logmill-a.parquet",
        "s3n://lake//otel/logs/data//timestamp_day=2022-01-08//logmill-a.parquet",
        "s3://alias/otel/logs/data/timestamp_day=2022-01-08/logmill-a.parquet",
        "file:/lake/otel/logs/data/timestamp_day=2022-01-08/logmill-a.parquet",
        "file:///lake/otel/logs/data/timestamp_day=2022-01-08/logmill-a.parquet",
        "/lake/otel/logs/data/timestamp_day=2022-01-08/logmill-a.parquet",
    ];
    for reached in same {
        let mut candidates = candidates(&[place]);
        candidates.reached(reached);
        assert!(candidates.files.is_empty(), "{reached}");
    }
    // A commit gives the files of all days the same name.
    for other in [
        "s3://lake/otel/logs/data/timestamp_day=2022-01-09/logmill-a.parquet",
        "s3://lake/otel/logs/data/timestamp_day=2022-01-08/logmill-b.parquet",
        "",
    ] {
        let mut candidates = candidates(&[place]);
        candidates.reached(other);
        assert_eq!(candidates.files.len(), 1, "{other}");
    }
}
