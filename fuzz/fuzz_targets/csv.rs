//! Bodies of CSV against the csv crate, and the lines that they become.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logmill_fuzz::csv::check(data));
