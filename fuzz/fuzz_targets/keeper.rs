//! What supervisors and keepers send each other.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gantry_fuzz::keeper::run(bytes));
