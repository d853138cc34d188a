//! Files of our own that may not be opened.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;

use camino::Utf8Path;

/// Do something with a file of gantry's own. If that is not permitted, somebody has taken rights away
/// that are ours to give: the file gets those back that it was made with, and it is tried once more.
pub fn with_rights<T>(path: &Utf8Path, act: impl Fn() -> io::Result<T>) -> io::Result<T> {
    match act() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            std::fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(|_| error)?;
            act()
        }
        other => other,
    }
}
