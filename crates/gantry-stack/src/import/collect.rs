//! Reading.
use super::{Inputs, Tree};
use crate::diagnostic::Diagnostics;
use crate::source::SourceMap;
pub(super) fn read_stack(
    _inputs: &Inputs,
    _sources: &mut SourceMap,
    _diagnostics: &mut Diagnostics,
) -> Option<Tree> {
    None
}
