//! Where our own group is.

use std::path::{Path, PathBuf};

use super::Unavailable;

/// Our group of version 2, and where its file system is mounted.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) group: PathBuf,
    pub(super) mount: PathBuf,
}

/// The folder of the version 2 group that this process is in.
pub(super) fn own_group(mountinfo: &str, cgroup: &str) -> Result<Found, Unavailable> {
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
    Ok(Found {
        group: Path::new(point).join(inside.trim_start_matches('/')),
        mount: point.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str =
        "30 20 0:26 / /sys/fs/cgroup/unified rw,relatime shared:5 - cgroup2 cgroup2 rw\n";

    #[test]
    fn our_group_is_found() {
        let found = own_group(HYBRID, "9:name=systemd:/\n0::/a/b\n").unwrap();
        assert_eq!(found.group, Path::new("/sys/fs/cgroup/unified/a/b"));
        let found = own_group(HYBRID, "0::/\n").unwrap();
        assert_eq!(found.group, Path::new("/sys/fs/cgroup/unified/"));
        let inner = "30 20 0:26 /c /sys/fs/cgroup ro - cgroup2 cgroup rw";
        let found = own_group(inner, "0::/c/d\n").unwrap();
        assert_eq!(found.group, Path::new("/sys/fs/cgroup/d"));
    }

    #[test]
    fn why_there_is_none_is_said() {
        for (mounts, group) in [("", "0::/a"), (HYBRID, "1:cpu:/"), (HYBRID, "0::/../x")] {
            assert!(own_group(mounts, group).is_err());
        }
    }
}
