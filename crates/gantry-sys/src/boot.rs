//! Which boot, and which stack.

use std::path::Path;

use crate::error::SysError;

/// The kernel's name for this boot of the machine.
pub fn boot_id() -> Result<String, SysError> {
    let path = "/proc/sys/kernel/random/boot_id";
    std::fs::read_to_string(path)
        .map(|text| text.trim().to_owned())
        .map_err(|error| SysError::new("read", path, error))
}

/// A short name for a folder, for marks and cgroups: 16 hexadecimal digits (FNV-1a of its path).
pub fn stack_hash(dir: &Path) -> String {
    let hash = dir
        .as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{hash:016x}")
}
