//! What is copied: the files below a folder, without those that nobody wants.

use std::collections::HashSet;

use camino::{Utf8Path, Utf8PathBuf};
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// What nobody wants in a container, unless a rule with `!` says otherwise.
const NEVER: [&str; 10] = [
    ".git/",
    "__pycache__/",
    "*.py[co]",
    ".venv/",
    ".DS_Store",
    ".mypy_cache/",
    ".pytest_cache/",
    ".ruff_cache/",
    ".ipynb_checkpoints/",
    "node_modules/",
];

/// The name of a file with rules, beside the stack file or in a folder that is copied.
pub(crate) const RULES: &str = ".gantryignore";

/// Why a folder cannot be copied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyError {
    /// Something cannot be looked at.
    #[error("failed to read {path}")]
    Unreadable {
        path: Utf8PathBuf,
        source: std::io::Error,
    },
    /// A name that no configuration can have.
    #[error("the name of a file in {folder} is not UTF-8")]
    Name { folder: Utf8PathBuf },
    /// A link leads back to where it stands.
    #[error("{path} leads back to a folder that it is in")]
    Circle { path: Utf8PathBuf },
    /// A pipe, a socket or a device.
    #[error("{path} is neither a file nor a folder")]
    Odd { path: Utf8PathBuf },
    /// A rule that cannot be read.
    #[error("`{rule}` is no rule for what is not copied: {reason}")]
    Rule { rule: String, reason: String },
}

/// Which files below a folder are left out.
#[derive(Debug)]
pub(crate) struct Rules(Gitignore);

impl Rules {
    /// What nobody wants, then the rules of the files, then these.
    pub(crate) fn new(
        root: &Utf8Path,
        files: &[Utf8PathBuf],
        more: &[String],
    ) -> Result<Self, CopyError> {
        let mut builder = GitignoreBuilder::new(root);
        let wrong = |rule: &str, error: &ignore::Error| CopyError::Rule {
            rule: rule.to_owned(),
            reason: error.to_string(),
        };
        for rule in NEVER {
            builder
                .add_line(None, rule)
                .map_err(|error| wrong(rule, &error))?;
        }
        for file in files.iter().filter(|file| file.is_file()) {
            let text = std::fs::read_to_string(file).map_err(|source| CopyError::Unreadable {
                path: file.clone(),
                source,
            })?;
            for rule in text.lines() {
                builder
                    .add_line(None, rule)
                    .map_err(|error| wrong(rule, &error))?;
            }
        }
        for rule in more {
            builder
                .add_line(None, rule)
                .map_err(|error| wrong(rule, &error))?;
        }
        builder.build().map(Self).map_err(|error| wrong("", &error))
    }

    fn leaves_out(&self, path: &Utf8Path, is_folder: bool) -> bool {
        matches!(self.0.matched(path, is_folder), Match::Ignore(_))
    }
}

/// The files below a folder, with their paths from there, sorted. Links are followed.
pub(crate) fn files(
    root: &Utf8Path,
    rules: &Rules,
    skip: &HashSet<Utf8PathBuf>,
) -> Result<Vec<Utf8PathBuf>, CopyError> {
    let mut walk = Walk {
        root,
        rules,
        skip,
        inside: Vec::new(),
        found: Vec::new(),
    };
    walk.folder(Utf8Path::new(""))?;
    walk.found.sort();
    Ok(walk.found)
}

struct Walk<'a> {
    root: &'a Utf8Path,
    rules: &'a Rules,
    skip: &'a HashSet<Utf8PathBuf>,
    /// The folders that the one at hand is in, as they really are.
    inside: Vec<Utf8PathBuf>,
    found: Vec<Utf8PathBuf>,
}

impl Walk<'_> {
    fn folder(&mut self, below: &Utf8Path) -> Result<(), CopyError> {
        let path = self.root.join(below);
        let unreadable = |source| CopyError::Unreadable {
            path: path.clone(),
            source,
        };
        let real = path.canonicalize_utf8().map_err(unreadable)?;
        if self.inside.contains(&real) {
            return Err(CopyError::Circle { path });
        }
        self.inside.push(real);
        for entry in path.read_dir_utf8().map_err(unreadable)? {
            let entry = entry.map_err(|error| {
                if error.kind() == std::io::ErrorKind::InvalidData {
                    CopyError::Name {
                        folder: path.clone(),
                    }
                } else {
                    unreadable(error)
                }
            })?;
            let below = below.join(entry.file_name());
            let full = entry.path();
            // Through links; one that leads nowhere is an error.
            let kind = full.metadata().map_err(|source| CopyError::Unreadable {
                path: full.to_owned(),
                source,
            });
            let is_folder = kind.as_ref().is_ok_and(std::fs::Metadata::is_dir);
            if self.skip.contains(full) || self.rules.leaves_out(full, is_folder) {
                continue;
            }
            let kind = kind?;
            if kind.is_dir() {
                self.folder(&below)?;
            } else if kind.is_file() {
                self.found.push(below);
            } else {
                return Err(CopyError::Odd {
                    path: full.to_owned(),
                });
            }
        }
        self.inside.pop();
        Ok(())
    }
}
