//! The reference of the command line is made from the command line.

use std::fs;

use crate::support::{Stack, workspace};

#[test]
fn is_current() {
    let made = Stack::empty().gantry(&["__reference"]).stdout;
    let path = workspace().join("docs/reference/cli.md");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &made).expect("the reference is written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "docs/reference/cli.md is old: UPDATE=1 cargo test -p gantry reference"
    );
}
