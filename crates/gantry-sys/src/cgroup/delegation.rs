//! Whose business the groups below a group are.

use std::path::Path;

/// Whether a group was left to us to divide.
///
/// Whoever may write in a group that is not root's was given it. Root may write everywhere, so where
/// systemd keeps the tree it is asked whether systemd has marked the group, or one above it, as
/// delegated: in all others only systemd itself may make groups.
pub(super) fn check(own: &Path, mount: &Path) -> Result<(), String> {
    let root = rustix::process::geteuid().is_root();
    if !root || !systemd_keeps_groups() || is_delegated(own, mount) {
        return Ok(());
    }
    Err(
        "systemd keeps it and has not delegated it (`systemd-run --scope -p Delegate=yes` starts a \
         program in one that it has)"
            .into(),
    )
}

/// Whether systemd runs this machine.
pub(super) fn systemd_keeps_groups() -> bool {
    Path::new("/run/systemd/system").exists()
}

/// The root of what is mounted is a container's own, or the kernel's: nobody else divides it.
fn is_delegated(own: &Path, mount: &Path) -> bool {
    own == mount
        || own
            .ancestors()
            .take_while(|group| *group != mount)
            .any(|group| {
                ["trusted.delegate", "user.delegate"].iter().any(|name| {
                    let mut value = [0; 8];
                    rustix::fs::getxattr(group, *name, &mut value)
                        .is_ok_and(|length| value[..length] == *b"1")
                })
            })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_marked_or_is_the_root_is_ours() {
        let kept = tempfile::tempdir().unwrap();
        let folder = kept.path().to_owned();
        let (unit, below) = (folder.join("unit"), folder.join("unit/below"));
        std::fs::create_dir_all(&below).unwrap();
        assert!(is_delegated(&folder, &folder));
        assert!(!is_delegated(&below, &folder));
        let marked = rustix::fs::setxattr(
            &unit,
            "user.delegate",
            b"1",
            rustix::fs::XattrFlags::empty(),
        );
        if marked.is_ok() {
            assert!(is_delegated(&unit, &folder));
            assert!(is_delegated(&below, &folder));
        }
    }
}
