//! Settings from any file, environment and flags.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logmill_fuzz::settings::check(data));
