//! One line of the ledger, as bytes: a checksum (CRC-32 as in zip and Ethernet), a blank, and a record in JSON.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::entry::Entry;

/// Append an entry with its newline.
pub(super) fn line(entry: &Entry, out: &mut Vec<u8>) -> io::Result<()> {
    out.extend_from_slice(b"00000000 ");
    let start = out.len();
    serde_json::to_writer(&mut *out, entry)?;
    let sum = crc32fast::hash(&out[start..]);
    out[start - 9..start - 1].copy_from_slice(format!("{sum:08x}").as_bytes());
    out.push(b'\n');
    Ok(())
}

/// Read one line without its newline.
pub(crate) fn parse<T: DeserializeOwned>(line: &[u8]) -> Option<T> {
    let (sum, rest) = line.split_at_checked(8)?;
    let json = rest.strip_prefix(b" ")?;
    let sum = u32::from_str_radix(std::str::from_utf8(sum).ok()?, 16).ok()?;
    (sum == crc32fast::hash(json)).then(|| serde_json::from_slice(json).ok())?
}

/// Write any record as such a line.
pub(crate) fn checked_line<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(value)?;
    let mut out = format!("{:08x} ", crc32fast::hash(&json)).into_bytes();
    out.extend_from_slice(&json);
    out.push(b'\n');
    Ok(out)
}
