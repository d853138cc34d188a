//! Putting the full file aside, and removing what is surplus.

use std::fs;
use std::io;

use jiff::{SignedDuration, Timestamp};

use super::Policy;
use crate::folder::LogFolder;
use crate::name;

/// Rename the file that is written, whose newest record is of this moment, and remove what the policy
/// does not want to keep.
pub(super) fn rotate(folder: &LogFolder, newest: Timestamp, policy: &Policy) -> io::Result<()> {
    let mut stems = folder.stems()?;
    // Names sort in the order in which the files were written, even if the clock was set back.
    let last = stems.last().and_then(|last| name::time_of(last));
    let after = last.map(|last| last + SignedDuration::from_micros(1));
    let stem = name::stem(after.map_or(newest, |after| after.max(newest)));
    fs::rename(folder.current(), folder.path().join(&stem))?;
    stems.push(stem);
    remove_surplus(folder, &stems, policy);
    Ok(())
}

/// A file that cannot be removed now is surplus again next time.
fn remove_surplus(folder: &LogFolder, stems: &[String], policy: &Policy) {
    let mut stay = stems.len().min(policy.keep as usize);
    if let Some(limit) = policy.max_total {
        let mut total = 0;
        let fits = stems.iter().rev().take(stay).take_while(|stem| {
            total += size_of(folder, stem);
            total <= limit
        });
        stay = fits.count();
    }
    for stem in &stems[..stems.len() - stay] {
        // Both may be there while a file is being compressed.
        let _ = fs::remove_file(folder.path().join(stem));
        let _ = fs::remove_file(folder.path().join(name::packed(stem)));
    }
}

fn size_of(folder: &LogFolder, stem: &str) -> u64 {
    let length = |name: &str| fs::metadata(folder.path().join(name)).map(|file| file.len());
    length(stem)
        .or_else(|_| length(&name::packed(stem)))
        .unwrap_or(0)
}
