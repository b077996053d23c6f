//! Bodies of NDJSON against serde_json, and the same records as a JSON array.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logmill_fuzz::ndjson::check(data));
