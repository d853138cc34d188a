//! Are the files and folders there that the stack names?

use std::fs;
use std::io;

use camino::Utf8Path;
use futures::future::BoxFuture;
use gantry_driver::{Missing, Need};
use rustix::fs::{Access, access};

use super::{Check, Subject, Surroundings, now, plain};

pub(super) struct Path;

impl Check for Path {
    fn name(&self) -> &'static str {
        "path"
    }

    fn knows(&self, subject: &Subject) -> bool {
        matches!(
            subject,
            Subject::Need(Need::File { .. } | Need::Folder { .. })
        )
    }

    fn look<'a>(
        &'a self,
        subject: &'a Subject,
        _around: &'a Surroundings,
    ) -> BoxFuture<'a, Result<(), Missing>> {
        now(match subject {
            Subject::Need(Need::File { path }) => file(path),
            Subject::Need(Need::Folder { path }) => folder(path),
            _ => Ok(()),
        })
    }
}

fn file(path: &Utf8Path) -> Result<(), Missing> {
    let data = look_at("file", path)?;
    if data.is_dir() {
        return Err(told(format!("{path} is a folder; a file is needed")));
    }
    access(path.as_std_path(), Access::READ_OK)
        .map_err(|_| told(format!("file {path} may not be read")))
}

fn folder(path: &Utf8Path) -> Result<(), Missing> {
    let data = look_at("folder", path)?;
    if !data.is_dir() {
        return Err(told(format!("{path} is no folder")));
    }
    access(path.as_std_path(), Access::EXEC_OK)
        .map_err(|_| told(format!("folder {path} may not be entered")))
}

fn look_at(what: &str, path: &Utf8Path) -> Result<fs::Metadata, Missing> {
    fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Missing {
            reason: format!("{what} {path} does not exist"),
            hint: deepest(path).map(|there| format!("what exists of it is {there}")),
        },
        _ => told(format!(
            "{what} {path} cannot be looked at: {}",
            plain(&error)
        )),
    })
}

/// The part of a path that exists, unless it is only the root or the direct parent, which say little.
fn deepest(path: &Utf8Path) -> Option<&Utf8Path> {
    let there = path.ancestors().find(|ancestor| ancestor.exists())?;
    (there.parent().is_some() && Some(there) != path.parent()).then_some(there)
}

fn told(reason: String) -> Missing {
    Missing { reason, hint: None }
}
