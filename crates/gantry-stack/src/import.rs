//! All files of a stack: found, read, imported, merged, with variables put in.

use camino::{Utf8Path, Utf8PathBuf};

use crate::configuration::Configuration;
use crate::diagnostic::Diagnostics;
use crate::interpolate::Variables;
use crate::node::Node;
use crate::source::SourceMap;

pub(crate) use collect::cycle;
pub use find::{FindError, NAMES, find_file};
pub use paths::read_text;

mod collect;
mod find;
mod paths;
mod project;
#[cfg(test)]
mod tests;

/// What a load starts from.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The stack file, then further `--file`s, each on top of the ones before.
    pub files: Vec<Utf8PathBuf>,
    /// `--set name=value`, in order.
    pub assignments: Vec<String>,
    /// The environment of the process.
    pub environment: Vec<(String, String)>,
    /// The folder that the user is in.
    pub folder: Utf8PathBuf,
}

/// One tree out of all files and layers.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The merged tree, without the keys `imports` and `env-files`, which are done with.
    pub root: Node,
    /// What was put in for `${}`.
    pub variables: Variables,
    /// Every file that was read, env-files too, in order.
    pub files: Vec<Utf8PathBuf>,
    /// The whole, for templates; nothing if no file speaks of any.
    pub configuration: Option<Configuration>,
}

/// Reads, merges and interpolates. Every complaint goes to `diagnostics`; a tree comes back
/// whenever there is something to decode, so that a decoder can complain in the same run.
pub fn read_stack(
    inputs: &Inputs,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> Option<Tree> {
    collect::read_stack(inputs, sources, diagnostics)
}

/// A path for messages and for the tree: joined to the folder if it is relative, `..` taken out.
pub(crate) fn full(folder: &Utf8Path, path: &Utf8Path) -> Utf8PathBuf {
    crate::source::clean(&folder.join(path))
}
