//! Whether gantry can keep its files: the folder, its rights, and locks.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;

use camino::Utf8Path;
use gantry_api::home::{GantryHome, HomeError};
use gantry_driver::{Offer, Standing};
use rustix::fs::{FlockOperation, flock};

use crate::humane;

/// What is found where gantry keeps its files. Nothing of it is left behind.
pub(super) fn survey(home: Result<&GantryHome, &HomeError>) -> Offer {
    let home = match home {
        Ok(home) => home,
        Err(error) => {
            return offer(
                Standing::Missing,
                error.to_string(),
                Some("set GANTRY_HOME to a folder of your own"),
            );
        }
    };
    let path = home.path();
    let there = path.ancestors().find(|folder| folder.is_dir());
    let tried = there.map_or_else(
        || Err("none of the folders above it is there".to_owned()),
        locks,
    );
    if let Err(why) = tried {
        let hint = "set GANTRY_HOME to a folder of your own on a local disk";
        return offer(Standing::Missing, format!("{path}: {why}"), Some(hint));
    }
    let stacks = home.stacks();
    let up = stacks.iter().filter(|dir| dir.guard_socket().exists());
    let found = match fs::metadata(path) {
        Ok(data) if others_may_write(&data) => {
            let found = format!("{path}: others may write there");
            return offer(
                Standing::Partly,
                found,
                Some("take the right away: chmod go-w"),
            );
        }
        Ok(_) => format!(
            "{path}: with locks; {}, {} up",
            humane::count(stacks.len(), "stack"),
            up.count()
        ),
        Err(_) => format!("{path}: with locks; not made yet"),
    };
    offer(Standing::Good, found, None)
}

fn offer(standing: Standing, found: String, hint: Option<&str>) -> Offer {
    Offer {
        part: "home folder".into(),
        choice: None,
        standing,
        found,
        because: None,
        candidates: Vec::new(),
        hint: hint.map(str::to_owned),
    }
}

fn others_may_write(data: &Metadata) -> bool {
    data.mode() & 0o022 != 0
}

/// Whether a file can be made and locked there: no other way tells for sure.
fn locks(folder: &Utf8Path) -> Result<(), String> {
    let file =
        tempfile::tempfile_in(folder).map_err(|error| format!("cannot be written: {error}"))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)
        .map_err(|error| format!("its file system has no locks: {error}"))
}
