//! Everything a user can see, through the real binary.
//!
//! `INSTA_UPDATE=always cargo test -p gantry` takes what is printed now as right; read the difference
//! before it is committed.

mod attach;
mod clusters;
mod completions;
mod compose;
mod containers;
mod doctor;
mod failures;
mod files;
mod help;
mod import;
mod manifests;
mod nothing_up;
mod pipes;
mod projects;
mod reference;
mod running;
mod short_names;
mod support;
mod templates;
mod timeline;
mod wrong_input;
