//! A file that is nowhere but in memory.

use std::io::{Seek as _, Write as _};
use std::os::fd::OwnedFd;

use rustix::fs::{MemfdFlags, memfd_create};

use crate::SysError;

/// A file with these bytes, to be read from its beginning. It has no name in any folder, and is gone with its last
/// descriptor; whoever has it as a standard stream may open it again as `/dev/stdin`.
pub fn memory_file(bytes: &[u8]) -> Result<OwnedFd, SysError> {
    let wrong = |error: std::io::Error| SysError::new("make", "a file in memory", error);
    let file = memfd_create("gantry", MemfdFlags::CLOEXEC).map_err(|error| wrong(error.into()))?;
    let mut file = std::fs::File::from(file);
    file.write_all(bytes)
        .and_then(|()| file.rewind())
        .map_err(wrong)?;
    Ok(file.into())
}
