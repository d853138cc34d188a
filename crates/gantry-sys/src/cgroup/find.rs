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
    let (root, point) = mount(mountinfo, &|right| right.starts_with("cgroup2 "))
        .ok_or_else(|| Unavailable("no cgroup file system of version 2 is mounted".into()))?;
    Ok(Found {
        group: inside(root, point, path)
            .ok_or_else(|| Unavailable("our group is outside of what is mounted".into()))?,
        mount: point.into(),
    })
}

/// The folder of the version 1 group that this process is in, in the hierarchy of this controller.
pub(super) fn own_old_group(mountinfo: &str, cgroup: &str, controller: &str) -> Option<PathBuf> {
    let has = |list: &str| list.split(',').any(|name| name == controller);
    let path = cgroup.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        has(controllers).then_some(path)
    })?;
    let (root, point) = mount(mountinfo, &|right| {
        right.starts_with("cgroup ") && right.rsplit(' ').next().is_some_and(has)
    })?;
    inside(root, point, path)
}

/// Root and place of the first mount whose type, source and options are right.
fn mount<'a>(mountinfo: &'a str, right: &dyn Fn(&str) -> bool) -> Option<(&'a str, &'a str)> {
    mountinfo.lines().find_map(|line| {
        let (left, options) = line.split_once(" - ")?;
        let mut fields = left.split(' ').skip(3);
        let found = (fields.next()?, fields.next()?);
        right(options).then_some(found)
    })
}

/// Where a group is below a mount of which `root` is what is mounted.
fn inside(root: &str, point: &str, path: &str) -> Option<PathBuf> {
    let inside = path.strip_prefix(if root == "/" { "" } else { root })?;
    Some(Path::new(point).join(inside.trim_start_matches('/')))
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
    fn a_group_of_version_1_is_found() {
        let mounts = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
                      35 31 0:32 /docker/x /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
        let own = "4:memory:/docker/x/y\n1:cpu,cpuacct:/a\n0::/\n";
        let found = |controller| own_old_group(mounts, own, controller);
        assert_eq!(
            found("cpu").unwrap(),
            Path::new("/sys/fs/cgroup/cpu,cpuacct/a")
        );
        assert_eq!(
            found("memory").unwrap(),
            Path::new("/sys/fs/cgroup/memory/y")
        );
        assert_eq!(found("pids"), None);
    }

    #[test]
    fn why_there_is_none_is_said() {
        for (mounts, group) in [("", "0::/a"), (HYBRID, "1:cpu:/"), (HYBRID, "0::/../x")] {
            assert!(own_group(mounts, group).is_err());
        }
    }
}
