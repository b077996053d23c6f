//! Bodies of JSON arrays against serde_json, and the same records as NDJSON.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logmill_fuzz::json::check(data));
