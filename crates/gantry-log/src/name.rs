//! The names of the files in a log folder.

use camino::Utf8Path;
use jiff::Timestamp;

use crate::record::FormatTime;

/// The name of the file that is written.
pub const CURRENT: &str = "current";

/// What the names of rotated files end with.
const ROTATED: &str = ".log";

/// What is put behind that when such a file is compressed.
const PACKED: &str = ".gz";

/// And behind that while the compressed one is being written.
const UNFINISHED: &str = ".new";

/// What a file in a log folder is. The stem is the name of the rotated file, compressed or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name<'a> {
    /// Rotated, as it was written.
    Plain(&'a str),
    /// Rotated and compressed.
    Packed(&'a str),
    /// The beginning of a compressed one.
    Unfinished(&'a str),
}

impl<'a> Name<'a> {
    /// `None` for the file that is written and for what is not ours; the latter is never touched.
    pub(crate) fn parse(name: &'a str) -> Option<Self> {
        if let Some(packed) = name.strip_suffix(UNFINISHED) {
            let stem = packed.strip_suffix(PACKED)?;
            return is_stem(stem).then_some(Self::Unfinished(stem));
        }
        match name.strip_suffix(PACKED) {
            Some(stem) => is_stem(stem).then_some(Self::Packed(stem)),
            None => is_stem(name).then_some(Self::Plain(name)),
        }
    }
}

/// The stem of a file whose newest record is of this moment.
pub(crate) fn stem(newest: Timestamp) -> String {
    let time: String = String::from_utf8_lossy(FormatTime::new(newest).as_bytes())
        .chars()
        .filter(|char| !matches!(char, '-' | ':'))
        .collect();
    time + ROTATED
}

/// The name of a rotated file's compressed form.
pub(crate) fn packed(stem: &str) -> String {
    format!("{stem}{PACKED}")
}

/// The name under which that one is written.
pub(crate) fn unfinished(stem: &str) -> String {
    format!("{stem}{PACKED}{UNFINISHED}")
}

/// Whether a path is that of a compressed file.
pub(crate) fn is_packed(path: &Utf8Path) -> bool {
    path.as_str().ends_with(PACKED)
}

/// The moment in a stem. No record of the file is newer.
pub(crate) fn time_of(stem: &str) -> Option<Timestamp> {
    if !is_stem(stem) {
        return None;
    }
    let dashed = format!(
        "{}-{}-{}:{}:{}",
        stem.get(..4)?,
        stem.get(4..6)?,
        stem.get(6..11)?,
        stem.get(11..13)?,
        stem.get(13..23)?
    );
    dashed.parse().ok()
}

fn is_stem(name: &str) -> bool {
    name.strip_suffix(ROTATED).is_some_and(|time| {
        time.len() == 23
            && time.bytes().enumerate().all(|(at, byte)| match at {
                8 => byte == b'T',
                15 => byte == b'.',
                22 => byte == b'Z',
                _ => byte.is_ascii_digit(),
            })
    })
}

#[cfg(test)]
mod tests;
