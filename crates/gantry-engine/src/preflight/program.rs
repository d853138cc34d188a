//! Is the program there, and may it be run?
//!
//! Looked for the way `execvp` does: a name with a slash is a path, from the folder that the process
//! will have; any other is looked for in the folders of `PATH`, where a file that may not be run is
//! passed over, but remembered for the message.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use futures::future::BoxFuture;
use gantry_driver::{Missing, Need};
use rustix::fs::{Access, access};

use super::{Check, Subject, Surroundings, now, plain};

pub(super) struct Program;

impl Check for Program {
    fn name(&self) -> &'static str {
        "program"
    }

    fn knows(&self, subject: &Subject) -> bool {
        matches!(subject, Subject::Need(Need::Program { .. }))
    }

    fn look<'a>(
        &'a self,
        subject: &'a Subject,
        around: &'a Surroundings,
    ) -> BoxFuture<'a, Result<(), Missing>> {
        let Subject::Need(Need::Program { name, path, folder }) = subject else {
            return now(Ok(()));
        };
        let path = path.as_deref().unwrap_or(&around.path);
        now(find(name, path, folder.as_std_path()))
    }
}

fn find(name: &str, path: &str, folder: &Path) -> Result<(), Missing> {
    if name.is_empty() {
        return Err(Missing {
            reason: "the command has no program: its first word is empty".to_owned(),
            hint: None,
        });
    }
    if name.contains('/') {
        let file = folder.join(name);
        return runnable(&file).map_err(|reason| Missing {
            reason: format!(
                "program `{name}` cannot be run: {} {reason}",
                file.display()
            ),
            hint: hint_for(&file),
        });
    }
    let mut passed_over = None;
    for place in path.split(':') {
        // An empty entry means the working folder.
        let file = folder.join(place).join(name);
        match runnable(&file) {
            Ok(()) => return Ok(()),
            Err(reason) if file.exists() => passed_over = Some((file, reason)),
            Err(_) => {}
        }
    }
    Err(match passed_over {
        Some((file, reason)) => Missing {
            reason: format!(
                "program `{name}` cannot be run: {} {reason}",
                file.display()
            ),
            hint: hint_for(&file),
        },
        None => Missing {
            reason: format!("program `{name}` was not found in PATH ({path})"),
            hint: Some(if folder.join(name).is_file() {
                format!("there is one in the working folder: write `./{name}`")
            } else {
                "install it, or write its path".to_owned()
            }),
        },
    })
}

/// Why this file cannot be run, as the end of a sentence that begins with its path.
fn runnable(file: &Path) -> Result<(), String> {
    let data = fs::metadata(file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "does not exist".to_owned(),
        _ => format!("cannot be looked at: {}", plain(&error)),
    })?;
    if data.is_dir() {
        return Err("is a folder".to_owned());
    }
    access(file, Access::EXEC_OK).map_err(|_| "is not executable".to_owned())
}

fn hint_for(file: &Path) -> Option<String> {
    let data = fs::metadata(file).ok()?;
    let path: PathBuf = file.to_owned();
    data.is_file()
        .then(|| format!("make it executable: chmod +x {}", path.display()))
}
