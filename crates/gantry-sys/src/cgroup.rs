//! Control groups of version 2, for trees that nothing can leave.
//!
//! A stack has one group below the group that its guard was started in, and every instance one below
//! that. Nothing else is touched: no process is ever moved, and only groups that were made here are
//! removed. Where that is not possible, [`Unavailable`] says why, and trees are found by lineage.

mod counters;
mod delegation;
mod find;
mod group;
mod limits;
mod old;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, Mode};

pub use counters::{GroupUsage, OutOfMemory};
pub use group::{Group, GroupEvents};
pub use limits::{Limited, TreeLimits, limit_tree};
pub use old::OldHierarchies;

use crate::error::SysError;
use find::own_group;

/// Why there are no control groups for us.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// The group of one stack.
#[derive(Debug)]
pub struct CgroupRoot {
    path: PathBuf,
}

impl CgroupRoot {
    /// Make (or find again) the group of this name below our own.
    pub fn open(name: &str) -> Result<Self, Unavailable> {
        let read = |path: &str| {
            fs::read_to_string(path).map_err(|error| Unavailable(format!("{path}: {error}")))
        };
        let found = own_group(&read("/proc/self/mountinfo")?, &read("/proc/self/cgroup")?)?;
        let own = found.group;
        let why = |error: &dyn std::fmt::Display| {
            Unavailable(format!(
                "the group {} is not ours to divide: {error}",
                own.display()
            ))
        };
        // The kernel lets a child be born into a group only if the group that both have in common may
        // be written.
        rustix::fs::access(own.join("cgroup.procs"), Access::WRITE_OK)
            .map_err(|error| why(&error))?;
        delegation::check(&own, &found.mount).map_err(|reason| why(&reason))?;
        let path = own.join(name);
        match fs::create_dir(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(why(&error)),
        }
        if !path.join("cgroup.events").exists() {
            let _ = fs::remove_dir(&path);
            return Err(why(&"it has no cgroup.events"));
        }
        Ok(Self { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Make a group for one start of an instance. One of this name that exists is used again.
    pub fn group(&self, name: &str) -> Result<Group, SysError> {
        let path = self.path.join(name);
        match rustix::fs::mkdir(&path, Mode::from(0o755)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(Group::at(path)),
            // Somebody tidied up the stack's own group.
            Err(rustix::io::Errno::NOENT) => match fs::create_dir_all(&path) {
                Ok(()) => Ok(Group::at(path)),
                Err(error) => Err(SysError::new("make", path.to_string_lossy(), error)),
            },
            Err(error) => Err(SysError::new("make", path.to_string_lossy(), error)),
        }
    }

    /// The groups that were made in it and are there.
    pub fn groups(&self) -> Vec<Group> {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        folders.map(|entry| Group::at(entry.path())).collect()
    }

    /// Remove it if it is empty.
    pub fn remove(&self) {
        let _ = fs::remove_dir(&self.path);
    }

    /// Let groups below use this controller, if the kernel and those above allow it.
    fn enable(&self, controller: &str) -> Result<(), String> {
        let has = |file: &str| {
            fs::read_to_string(self.path.join(file))
                .is_ok_and(|list| list.split_whitespace().any(|name| name == controller))
        };
        if !has("cgroup.controllers") {
            let above = self
                .path
                .parent()
                .unwrap_or(&self.path)
                .join("cgroup.subtree_control");
            fs::write(&above, format!("+{controller}")).map_err(|error| {
                format!("the controller {controller} is not to be had: {error}")
            })?;
        }
        if !has("cgroup.subtree_control") {
            fs::write(
                self.path.join("cgroup.subtree_control"),
                format!("+{controller}"),
            )
            .map_err(|error| format!("the controller {controller} cannot be passed on: {error}"))?;
        }
        Ok(())
    }
}
