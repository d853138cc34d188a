//! Control groups of version 2, for trees that nothing can leave.
//!
//! A stack has one group below the group that its guard was started in, and every instance one below
//! that. Nothing else is touched: no process is ever moved, and only groups that were made here are
//! removed. Where that is not possible, [`Unavailable`] says why, and trees are found by lineage.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, Mode, OFlags};

use crate::error::SysError;

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
        let own = own_group(&read("/proc/self/mountinfo")?, &read("/proc/self/cgroup")?)?;
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
            Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(Group { path }),
            // Somebody tidied up the stack's own group.
            Err(rustix::io::Errno::NOENT) => match fs::create_dir_all(&path) {
                Ok(()) => Ok(Group { path }),
                Err(error) => Err(SysError::new("make", path.to_string_lossy(), error)),
            },
            Err(error) => Err(SysError::new("make", path.to_string_lossy(), error)),
        }
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

    /// Limit a group below this one: `limit("memory", "memory.max", "1048576")`.
    pub fn limit(
        &self,
        group: &Group,
        controller: &str,
        file: &str,
        value: &str,
    ) -> Result<(), String> {
        self.enable(controller)?;
        fs::write(group.path.join(file), value).map_err(|error| format!("{file}: {error}"))
    }
}

/// The group of one start of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    path: PathBuf,
}

impl Group {
    /// The group at this path, as it was recorded. It need not exist any more.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A descriptor of it, for a child to be born into.
    pub fn open(&self) -> Result<OwnedFd, SysError> {
        rustix::fs::open(
            &self.path,
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .map_err(|error| SysError::new("open", self.path.to_string_lossy(), error))
    }

    /// Whether a living process is in it or below it. One that is gone has none.
    pub fn populated(&self) -> Result<bool, SysError> {
        let path = self.path.join("cgroup.events");
        match fs::read(&path) {
            Ok(text) => Ok(text
                .split(|byte| *byte == b'\n')
                .any(|line| line == b"populated 1")),
            Err(error) if is_gone(&error) => Ok(false),
            Err(error) => Err(SysError::new("read", path.to_string_lossy(), error)),
        }
    }

    /// The processes in it and below it.
    pub fn pids(&self) -> Vec<u32> {
        let mut pids = Vec::new();
        each_group(&self.path, &mut |path| {
            let text = fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
            pids.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()));
        });
        pids
    }

    /// Kill everything in it and below it at once; a fork in progress cannot escape.
    pub fn kill(&self) -> Result<(), SysError> {
        let path = self.path.join("cgroup.kill");
        match fs::write(&path, "1") {
            Ok(()) => Ok(()),
            // A kernel before 5.14: one by one; the caller asks again until the group is empty.
            Err(error) if is_gone(&error) => {
                for pid in self.pids() {
                    if let Some(stat) = crate::process::stat(pid) {
                        let _ = crate::signal::send(stat.process(), libc::SIGKILL);
                    }
                }
                Ok(())
            }
            Err(error) => Err(SysError::new("write", path.to_string_lossy(), error)),
        }
    }

    /// A file that becomes ready with an exceptional condition when the group becomes empty.
    pub fn events(&self) -> Result<File, SysError> {
        let path = self.path.join("cgroup.events");
        File::open(&path).map_err(|error| SysError::new("open", path.to_string_lossy(), error))
    }

    /// Remove it and what was made below it, if nothing is in it.
    pub fn remove(&self) {
        if rustix::fs::rmdir(&self.path).is_err() {
            let mut below = Vec::new();
            each_group(&self.path, &mut |path| below.push(path.to_owned()));
            for path in below.iter().rev() {
                let _ = fs::remove_dir(path);
            }
        }
    }
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ENODEV)
}

/// A group and all below it, parents first.
fn each_group(path: &Path, visit: &mut dyn FnMut(&Path)) {
    visit(path);
    let Ok(entries) = fs::read_dir(path) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            each_group(&entry.path(), visit);
        }
    }
}

/// The folder of the version 2 group that this process is in.
fn own_group(mountinfo: &str, cgroup: &str) -> Result<PathBuf, Unavailable> {
    let path = cgroup
        .lines()
        .find_map(|line| line.strip_prefix("0::"))
        .ok_or_else(|| Unavailable("this kernel has no cgroups of version 2".into()))?;
    if path.starts_with("/..") {
        return Err(Unavailable(
            "our group is outside of what can be seen".into(),
        ));
    }
    let mount = mountinfo.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut fields = left.split(' ').skip(3);
        let root = fields.next()?;
        let point = fields.next()?;
        right.starts_with("cgroup2 ").then_some((root, point))
    });
    let (root, point) =
        mount.ok_or_else(|| Unavailable("no cgroup file system of version 2 is mounted".into()))?;
    let inside = path
        .strip_prefix(if root == "/" { "" } else { root })
        .ok_or_else(|| Unavailable("our group is outside of what is mounted".into()))?;
    Ok(Path::new(point).join(inside.trim_start_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str =
        "30 20 0:26 / /sys/fs/cgroup/unified rw,relatime shared:5 - cgroup2 cgroup2 rw\n";

    #[test]
    fn our_group_is_found() {
        let found = own_group(HYBRID, "9:name=systemd:/\n0::/a/b\n").unwrap();
        assert_eq!(found, Path::new("/sys/fs/cgroup/unified/a/b"));
        let found = own_group(HYBRID, "0::/\n").unwrap();
        assert_eq!(found, Path::new("/sys/fs/cgroup/unified/"));
        let inner = "30 20 0:26 /c /sys/fs/cgroup ro - cgroup2 cgroup rw";
        let found = own_group(inner, "0::/c/d\n").unwrap();
        assert_eq!(found, Path::new("/sys/fs/cgroup/d"));
    }

    #[test]
    fn why_there_is_none_is_said() {
        for (mounts, group) in [("", "0::/a"), (HYBRID, "1:cpu:/"), (HYBRID, "0::/../x")] {
            assert!(own_group(mounts, group).is_err());
        }
    }
}
