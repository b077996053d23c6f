//! Random requests against prost and opentelemetry-proto, which say what the bytes mean.
//! A failing case is printed and kept by proptest; `PROPTEST_CASES` sets how many are tried.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod generate;
mod json_requests;
mod mutate;
mod plain;
mod protobuf_requests;
mod real;

use logmill_otlp::Limits;

/// Beyond everything that a random request holds.
const WIDE: Limits = Limits { max_nesting: 128, max_expanded: u64::MAX };
