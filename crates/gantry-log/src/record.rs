//! One record, to bytes and back.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
    /// The keeper: counts of dropped lines, gaps.
    Keeper,
}

impl Stream {
    /// The letter in the file.
    pub fn letter(self) -> u8 {
        match self {
            Self::Out => b'o',
            Self::Err => b'e',
            Self::Keeper => b'k',
        }
    }

    pub(crate) fn from_letter(letter: u8) -> Option<Self> {
        match letter {
            b'o' => Some(Self::Out),
            b'e' => Some(Self::Err),
            b'k' => Some(Self::Keeper),
            _ => None,
        }
    }
}

/// The length of a time as it is written.
pub(crate) const TIME_LENGTH: usize = 27;

/// What stands before the text: the time, a blank, the stream, a blank, `F` or `P`, a blank.
pub(crate) const HEAD_LENGTH: usize = TIME_LENGTH + 5;

/// A record as it stands in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// When it was read from the service.
    pub at: Timestamp,
    /// Where from.
    pub stream: Stream,
    /// Whether the line ends with this record.
    pub full: bool,
    /// The bytes, without the newline.
    pub text: &'a [u8],
}

impl<'a> Record<'a> {
    /// Read one line of a file (without its newline). `None` if it is no record: torn or foreign.
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let (head, text) = line.split_at_checked(HEAD_LENGTH)?;
        let (time, rest) = head.split_at(TIME_LENGTH);
        let &[b' ', stream, b' ', full, b' '] = rest else {
            return None;
        };
        Some(Self {
            at: parse_time(time)?,
            stream: Stream::from_letter(stream)?,
            full: match full {
                b'F' => true,
                b'P' => false,
                _ => return None,
            },
            text,
        })
    }

    /// Append the record, with its newline.
    pub fn write(&self, out: &mut Vec<u8>) {
        FormatTime::new(self.at).record(self.stream, self.full, self.text, out);
    }
}

/// A whole line of a service: its parts joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When its first part was read.
    pub at: Timestamp,
    /// Where from.
    pub stream: Stream,
    /// The bytes, without the newline.
    pub text: Vec<u8>,
    /// Whether it was ended. The last line of a service that still writes may not be.
    pub complete: bool,
}

impl Line {
    /// The text; what is not UTF-8 is replaced.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.text)
    }
}

/// A time, written out once for all records of one read.
#[derive(Debug, Clone, Copy)]
pub struct FormatTime([u8; TIME_LENGTH]);

impl FormatTime {
    /// Write this time out.
    pub fn new(at: Timestamp) -> Self {
        let civil = jiff::tz::Offset::UTC.to_datetime(at);
        let mut bytes = *b"0000-00-00T00:00:00.000000Z";
        let mut put = |from: usize, to: usize, mut number: u32| {
            for byte in bytes[from..to].iter_mut().rev() {
                *byte = b'0' + u8::try_from(number % 10).unwrap_or(0);
                number /= 10;
            }
        };
        put(0, 4, civil.year().unsigned_abs().into());
        put(5, 7, civil.month().unsigned_abs().into());
        put(8, 10, civil.day().unsigned_abs().into());
        put(11, 13, civil.hour().unsigned_abs().into());
        put(14, 16, civil.minute().unsigned_abs().into());
        put(17, 19, civil.second().unsigned_abs().into());
        put(20, 26, civil.subsec_nanosecond().unsigned_abs() / 1000);
        Self(bytes)
    }

    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Append one record with this time, with its newline.
    pub fn record(&self, stream: Stream, full: bool, text: &[u8], out: &mut Vec<u8>) {
        out.reserve(HEAD_LENGTH + text.len() + 1);
        out.extend_from_slice(&self.0);
        let full = if full { b'F' } else { b'P' };
        out.extend_from_slice(&[b' ', stream.letter(), b' ', full, b' ']);
        out.extend_from_slice(text);
        out.push(b'\n');
    }
}

/// Read a time in exactly the form that [`FormatTime`] writes.
fn parse_time(text: &[u8]) -> Option<Timestamp> {
    let number = |from: usize, to: usize| -> Option<i32> {
        text.get(from..to)?.iter().try_fold(0, |sum, byte| {
            byte.is_ascii_digit()
                .then(|| sum * 10 + i32::from(byte - b'0'))
        })
    };
    let shape = [
        (4, b'-'),
        (7, b'-'),
        (10, b'T'),
        (13, b':'),
        (16, b':'),
        (19, b'.'),
        (26, b'Z'),
    ];
    if text.len() != TIME_LENGTH || shape.iter().any(|&(at, byte)| text[at] != byte) {
        return None;
    }
    let small = |from, to| i8::try_from(number(from, to)?).ok();
    jiff::civil::DateTime::new(
        i16::try_from(number(0, 4)?).ok()?,
        small(5, 7)?,
        small(8, 10)?,
        small(11, 13)?,
        small(14, 16)?,
        small(17, 19)?,
        number(20, 26)? * 1000,
    )
    .ok()
    .and_then(|civil| jiff::tz::Offset::UTC.to_timestamp(civil).ok())
}

#[cfg(test)]
mod tests;
