//! What clients and supervisors send each other.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gantry_fuzz::api::run(bytes));
