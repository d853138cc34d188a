//! Finding the stack file.

use camino::{Utf8Path, Utf8PathBuf};

/// What a stack file may be called.
pub const NAMES: [&str; 3] = ["gantry.toml", "gantry.yaml", "gantry.yml"];

/// Why no stack file was chosen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// There is none.
    #[error("there is no gantry.toml or gantry.yaml in {folder} or a folder above it")]
    None {
        /// Where the search began.
        folder: Utf8PathBuf,
    },
    /// There are several in one folder.
    #[error("{folder} has both {first} and {second}; name one with `-f`, or remove the other")]
    Several {
        /// The folder.
        folder: Utf8PathBuf,
        /// One of them.
        first: &'static str,
        /// Another.
        second: &'static str,
    },
}

/// The stack file of `folder` or the nearest folder above it.
pub fn find_file(folder: &Utf8Path) -> Result<Utf8PathBuf, FindError> {
    for folder in folder.ancestors() {
        if let Some(file) = in_folder(folder)? {
            return Ok(file);
        }
    }
    let folder = folder.to_owned();
    Err(FindError::None { folder })
}

/// The stack file of this folder alone.
pub(super) fn in_folder(folder: &Utf8Path) -> Result<Option<Utf8PathBuf>, FindError> {
    let mut found = NAMES.into_iter().filter(|name| folder.join(name).is_file());
    match (found.next(), found.next()) {
        (None, _) => Ok(None),
        (Some(name), None) => Ok(Some(folder.join(name))),
        (Some(first), Some(second)) => Err(FindError::Several {
            folder: folder.to_owned(),
            first,
            second,
        }),
    }
}
