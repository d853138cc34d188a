//! Places in what a user wrote.

use std::ops::Range;

/// Which text a span lies in: an index into the [`SourceMap`](crate::source::SourceMap).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub(crate) u32);

/// A range of bytes in one source. Small, since every node and every key has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The text it lies in.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The span of what stands in no text, such as a default.
    pub const NONE: Self = Self {
        source: SourceId(u32::MAX),
        start: 0,
        end: 0,
    };

    /// A span from byte offsets. Offsets past 4 GiB are cut; the reader refuses such files.
    pub fn new(source: SourceId, range: Range<usize>) -> Self {
        let start = u32::try_from(range.start).unwrap_or(u32::MAX);
        let end = u32::try_from(range.end).unwrap_or(u32::MAX).max(start);
        Self { source, start, end }
    }

    /// Whether it stands nowhere.
    pub fn is_none(self) -> bool {
        self.source == Self::NONE.source
    }

    /// The bytes it covers.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The part of this span that begins `offset` bytes after its start.
    #[must_use]
    pub fn part(self, range: Range<usize>) -> Self {
        let base = self.start as usize;
        Self::new(self.source, base + range.start..base + range.end)
    }

    /// The smallest span that covers both; this one if they lie in different texts.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        if self.source == other.source {
            Self {
                source: self.source,
                start: self.start.min(other.start),
                end: self.end.max(other.end),
            }
        } else {
            self
        }
    }
}

impl Default for Span {
    fn default() -> Self {
        Self::NONE
    }
}
