//! Batches that lie in an object store instead of in the queue.

use super::super::kind::{Kind, is_store};
use super::super::units::MIB;
use super::outputs::is_endpoint;
use super::{Fallback, Setting};

pub(super) const SETTINGS: &[Setting] = &[
    Setting::new(
        "raw_batches.url",
        Fallback::Unset { says: "none: all batches are in the queue", example: "s3://logs/raw" },
        Kind::Text {
            allowed: "s3://bucket/prefix, az://container/prefix, gs://bucket/prefix, or empty",
            good: |text| text.is_empty() || is_store(text),
            set: |s, v| s.raw_batches.url = v,
        },
        "Object store for large batches; the queue then holds an event that says where each lies",
    ),
    Setting::new(
        "raw_batches.above",
        Fallback::Text("900KiB"),
        Kind::Size { min: 0, max: 64 * MIB, set: |s, v| s.raw_batches.above = v },
        "Batches with more bytes after decompression go there; 0 is all of them",
    ),
    Setting::new(
        "raw_batches.s3.endpoint",
        Fallback::Computed {
            says: "files.s3.endpoint",
            example: "http://127.0.0.1:9000",
            text: |s, _| s.files.s3.endpoint.clone(),
        },
        Kind::Text {
            allowed: "http:// or https:// and host:port, or empty",
            good: is_endpoint,
            set: |s, v| s.raw_batches.s3.endpoint = v,
        },
        "S3 store that is not AWS",
    ),
    Setting::new(
        "raw_batches.s3.region",
        Fallback::Computed {
            says: "files.s3.region",
            example: "us-east-1",
            text: |s, _| s.files.s3.region.clone(),
        },
        Kind::Text {
            allowed: "the name of a region",
            good: |text| !text.is_empty(),
            set: |s, v| s.raw_batches.s3.region = v,
        },
        "Region of the S3 store",
    ),
    Setting::new(
        "raw_batches.s3.access_key",
        Fallback::Computed {
            says: "files.s3.access_key",
            example: "key",
            text: |s, _| s.files.s3.access_key.clone(),
        },
        Kind::Text { allowed: "any text", good: |_| true, set: |s, v| s.raw_batches.s3.access_key = v },
        "Key of the S3 store",
    ),
    Setting::new(
        "raw_batches.s3.secret_key",
        Fallback::Computed {
            says: "files.s3.secret_key, if the keys are the same",
            example: "secret",
            text: |s, _| {
                // A secret of another key would only be refused, much later.
                let same = s.raw_batches.s3.access_key == s.files.s3.access_key;
                if same { s.files.s3.secret_key.clone() } else { String::new() }
            },
        },
        Kind::Text { allowed: "any text", good: |_| true, set: |s, v| s.raw_batches.s3.secret_key = v },
        "The secret that belongs to it",
    )
    .secret(),
];
