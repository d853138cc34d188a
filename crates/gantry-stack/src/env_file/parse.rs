//! The grammar.
use super::Variable;
use crate::diagnostic::Diagnostics;
use crate::interpolate::Variables;
use crate::source::SourceMap;
use crate::span::SourceId;
use std::ops::Range;

/// A line.
pub struct Line {
    /// Name.
    pub name: Range<usize>,
}
/// Parses.
pub fn parse(_text: &str) -> Vec<Line> {
    Vec::new()
}
pub(super) fn read(
    _id: SourceId,
    _v: &Variables,
    _s: &SourceMap,
    _d: &mut Diagnostics,
) -> Vec<Variable> {
    Vec::new()
}
