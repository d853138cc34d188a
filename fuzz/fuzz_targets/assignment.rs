//! The argument of a flag that sets one value.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gantry_fuzz::files::assignment(bytes));
