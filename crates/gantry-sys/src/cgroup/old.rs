//! Control groups of version 1, for controllers that version 2 does not have here.
//!
//! They are made only for trees that are to be limited: making and joining three costs more than the
//! rest of a start. Membership and emptiness are never read from them.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::Access;

use super::find::own_old_group;
use super::group::Group;

/// Where the groups of one stack are in the hierarchies of version 1.
#[derive(Debug)]
pub struct OldHierarchies {
    name: String,
    mounts: String,
    own: String,
}

impl OldHierarchies {
    /// Those below the groups that this process is in now. Nothing is made yet. Where systemd keeps the
    /// tree, they are ours only if the group of version 2 is (`delegated`).
    pub fn find(name: &str, delegated: bool) -> Result<Self, String> {
        if !delegated && super::delegation::systemd_keeps_groups() {
            return Err("systemd keeps its groups and has not delegated one".into());
        }
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Ok(Self {
            name: name.to_owned(),
            mounts: read("/proc/self/mountinfo"),
            own: read("/proc/self/cgroup"),
        })
    }

    /// The stack's own folder for this controller; or why there is none.
    fn stack(&self, controller: &str) -> Result<PathBuf, String> {
        let own = own_old_group(&self.mounts, &self.own, controller)
            .ok_or_else(|| format!("this machine has no controller {controller}"))?;
        rustix::fs::access(own.join("cgroup.procs"), Access::WRITE_OK)
            .map_err(|error| not_ours(&own, &error))?;
        Ok(own.join(&self.name))
    }

    /// Make a group for one start of an instance. One of this name that exists is used again.
    pub(super) fn group(&self, controller: &str, name: &str) -> Result<Group, String> {
        let path = self.stack(controller)?.join(name);
        fs::create_dir_all(&path).map_err(|error| not_ours(&path, &error))?;
        Ok(Group::at(path))
    }

    /// Remove the stack's own folders and what is below them, where they are empty.
    pub fn remove(&self) {
        for controller in ["memory", "cpu", "pids", "blkio", "cpuacct"] {
            if let Ok(path) = self.stack(controller) {
                Group::at(path).remove();
            }
        }
    }
}

fn not_ours(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!(
        "the group {} is not ours to divide: {error}",
        path.display()
    )
}
