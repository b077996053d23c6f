//! Compressed bodies, whole and damaged, in chunks of any size.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logmill_fuzz::encodings::check(data));
