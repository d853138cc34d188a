//! How the program is linked.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // A program that may lie anywhere has a quarter of a million addresses put into it at each start, which takes
    // longer than a whole `gantry status` otherwise does, and leaves each of our processes megabytes of its own
    // pages. At a fixed place these pages are the file's. Stack, heap and libraries are at random places as before.
    let linux = std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux");
    let gnu = std::env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|env| env == "gnu");
    if linux && gnu {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
