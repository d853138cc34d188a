//! Everything a user can see, through the real binary.
//!
//! `INSTA_UPDATE=always cargo test -p gantry` takes what is printed now as right; read the difference
//! before it is committed.

mod completions;
mod failures;
mod files;
mod help;
mod nothing_up;
mod pipes;
mod reference;
mod running;
mod support;
mod wrong_input;
