//! The whole of what was configured, for templates.

use camino::Utf8PathBuf;

use crate::node::Node;

/// The whole of what was configured.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// As it was written, all files merged, each `${}` as it is.
    pub written: Node,
    /// With variables put in. What [`Node::is_unresolved`] is has a variable that is not set.
    pub values: Node,
    /// What is special if it came from a `config.yml` of the other dialect.
    pub dialect: Option<Dialect>,
}

/// What a `config.yml` of the other dialect says of its project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The project's name.
    pub name: String,
    /// Its root, as templates see it.
    pub root: String,
    /// Folders that services mount, and that must be there before.
    pub folders: Vec<Utf8PathBuf>,
}
