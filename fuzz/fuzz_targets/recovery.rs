//! Starts of a log whose files were damaged.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logmill_fuzz::recovery::check(data));
