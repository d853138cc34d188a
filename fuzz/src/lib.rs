//! Entry points for random bytes. Each takes any bytes, and must neither panic nor hang.
//!
//! A new target is a file here, a line in [`TARGETS`], a folder of seeds, and three lines in
//! `fuzz_targets/` for libFuzzer.

pub mod api;
pub mod dialect;
pub mod files;
pub mod jinja;
pub mod keeper;
pub mod template;

/// A name, and what takes the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target; its seeds are the files in `seeds/<name>/`.
pub const TARGETS: &[Target] = &[
    ("api", api::run),
    ("assignment", files::assignment),
    ("dialect", dialect::run),
    ("env_file", files::env_file),
    ("interpolation", files::interpolation),
    ("jinja", jinja::run),
    ("keeper", keeper::run),
    ("template", template::run),
    ("toml", files::toml),
    ("yaml", files::yaml),
];
