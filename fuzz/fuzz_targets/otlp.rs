//! OpenTelemetry requests in both encodings.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logmill_fuzz::otlp::check(data));
