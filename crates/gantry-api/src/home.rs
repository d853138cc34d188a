//! Where gantry keeps what it must remember: one folder for the user, one below it for each stack.

mod socket;
mod supervisor_file;
#[cfg(test)]
mod tests;
mod whole_file;

use std::env;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;

use camino::{Utf8Path, Utf8PathBuf};

pub use socket::{SOCKET_PATH_LIMIT, SocketPath};
pub use supervisor_file::{StackRecord, SupervisorFile};

/// The folder of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GantryHome {
    path: Utf8PathBuf,
}

/// Why there is no such folder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HomeError {
    /// Nothing says where it is.
    #[error("none of GANTRY_HOME, XDG_STATE_HOME and HOME is set to an absolute path")]
    Nowhere,
    /// A variable is not text.
    #[error("{0} is not valid UTF-8")]
    NotText(&'static str),
}

impl GantryHome {
    /// `$GANTRY_HOME`, else `$XDG_STATE_HOME/gantry`, else `~/.local/state/gantry`.
    pub fn from_env() -> Result<Self, HomeError> {
        let variable = |name: &'static str| match env::var(name) {
            Ok(value) if value.is_empty() => Ok(None),
            Ok(value) => Ok(Some(Utf8PathBuf::from(value))),
            Err(env::VarError::NotPresent) => Ok(None),
            Err(env::VarError::NotUnicode(_)) => Err(HomeError::NotText(name)),
        };
        if let Some(path) = variable("GANTRY_HOME")? {
            // A relative path is meant from where the user stands, and must still be right for the
            // processes that begin elsewhere.
            let path = camino::absolute_utf8(&path).map_err(|_| HomeError::Nowhere)?;
            return Ok(Self::at(path));
        }
        let state = match variable("XDG_STATE_HOME")?.filter(|path| path.is_absolute()) {
            Some(path) => Some(path),
            None => variable("HOME")?.map(|home| home.join(".local/state")),
        };
        let state = state.filter(|path| path.is_absolute());
        state
            .map(|path| Self::at(path.join("gantry")))
            .ok_or(HomeError::Nowhere)
    }

    /// The folder at `path`.
    pub fn at(path: impl Into<Utf8PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// The ledger of ports that all stacks of the user share.
    pub fn ports(&self) -> Utf8PathBuf {
        self.path.join("ports.json")
    }

    /// The folder of the stack `name` from `file`, which is canonical and absolute. Makes nothing.
    pub fn stack(&self, name: &str, file: &Utf8Path) -> StackDir {
        let folder = format!("{name}-{}", hash_of(file));
        StackDir::at(self.path.join("stacks").join(folder))
    }

    /// The folder that exists for `file`, whatever name the stack had when it was made. So that a
    /// stack is found without its file being read. If the name was changed in the meantime, and
    /// there are two, the one with a supervisor.
    pub fn find(&self, file: &Utf8Path) -> Option<StackDir> {
        let suffix = format!("-{}", hash_of(file));
        let mut found: Option<StackDir> = None;
        for dir in self.stacks() {
            if dir.path.as_str().ends_with(&suffix) {
                let better = found.is_none() || dir.supervisor_socket().exists();
                if better {
                    found = Some(dir);
                }
            }
        }
        found
    }

    /// The folders of all stacks that this user ever brought up here, by name.
    pub fn stacks(&self) -> Vec<StackDir> {
        let folder = self.path.join("stacks");
        let mut found: Vec<_> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| Utf8PathBuf::from_path_buf(entry.path()).ok())
            .map(StackDir::at)
            .collect();
        found.sort_by(|one, other| one.path.cmp(&other.path));
        found
    }
}

/// Eight hexadecimal digits of a path's hash.
fn hash_of(file: &Utf8Path) -> String {
    let hash = blake3::hash(file.as_str().as_bytes());
    hash.to_hex()[..8].to_owned()
}

/// The folder of one stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackDir {
    path: Utf8PathBuf,
}

impl StackDir {
    /// The folder at `path`. Makes nothing.
    pub fn at(path: impl Into<Utf8PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Make it, with all above it, for this user only.
    pub fn create(&self) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.path)
    }

    /// Where it is.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// Locked by the supervisor as long as it lives.
    pub fn lock(&self) -> Utf8PathBuf {
        self.path.join("lock")
    }

    /// Where the keeper listens.
    pub fn guard_socket(&self) -> Utf8PathBuf {
        self.path.join("guard.sock")
    }

    /// Where the supervisor listens.
    pub fn supervisor_socket(&self) -> Utf8PathBuf {
        self.path.join("supervisor.sock")
    }

    /// What guard and keeper say about themselves.
    pub fn guard_log(&self) -> Utf8PathBuf {
        self.path.join("guard.log")
    }

    /// What the supervisor says about itself, and the guard of a supervisor that it cannot start.
    pub fn supervisor_log(&self) -> Utf8PathBuf {
        self.path.join("supervisor.log")
    }

    /// Who the supervisor is: a [`SupervisorFile`].
    pub fn supervisor_file(&self) -> Utf8PathBuf {
        self.path.join("supervisor.json")
    }

    /// Where the stack's file is, kept when the stack is down.
    pub fn stack_file(&self) -> Utf8PathBuf {
        self.path.join("stack.json")
    }

    /// Write down which stack this folder is of.
    pub fn record(&self, name: &str, file: &Utf8Path) -> io::Result<()> {
        let record = StackRecord {
            format: 1,
            name: name.to_owned(),
            file: file.to_owned(),
        };
        whole_file::write(&self.stack_file(), &record)
    }

    /// Which stack this folder is of.
    pub fn recorded(&self) -> io::Result<StackRecord> {
        let text = fs::read(self.stack_file())?;
        serde_json::from_slice(&text).map_err(io::Error::from)
    }

    /// The model and what is wanted of it.
    pub fn plan(&self) -> Utf8PathBuf {
        self.path.join("plan.json")
    }

    /// The folder of keeper `number`, counted from 1.
    pub fn keeper(&self, number: u32) -> Utf8PathBuf {
        self.path.join("keepers").join(number.to_string())
    }

    /// The folders of all keepers.
    pub fn keepers(&self) -> Vec<Utf8PathBuf> {
        let entries = fs::read_dir(self.path.join("keepers"));
        let mut found: Vec<_> = entries
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| Utf8PathBuf::from_path_buf(entry.path()).ok())
            .collect();
        found.sort();
        found
    }
}
