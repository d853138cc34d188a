//! Which stack is meant, found without reading more than is needed.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use gantry_api::client::Client;
use gantry_api::home::{GantryHome, StackDir};

use crate::cli::ModelArgs;
use crate::error::Error;
use crate::output::Output;
use crate::stack_file;

/// The stack that a verb is about.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    /// Where to print.
    pub(crate) output: &'a Output,
    /// The stack files, lowest layer first; absolute. The first one gives the stack its identity.
    pub(crate) files: Vec<Utf8PathBuf>,
    /// The user's folder.
    pub(crate) home: GantryHome,
}

impl<'a> Context<'a> {
    /// For these files, or the one that is found from here.
    pub(crate) fn new(output: &'a Output, named: &[Utf8PathBuf]) -> Result<Self, Error> {
        let files = if named.is_empty() {
            vec![find()?]
        } else {
            named
                .iter()
                .map(|file| canonical(file))
                .collect::<Result<_, _>>()?
        };
        Ok(Self {
            output,
            files,
            home: GantryHome::from_env()?,
        })
    }

    /// The file that gives the stack its identity.
    pub(crate) fn file(&self) -> &Utf8Path {
        &self.files[0]
    }

    /// The stack's folder, if it was ever up. The file is not read for that.
    pub(crate) fn dir(&self) -> Option<StackDir> {
        self.home.find(self.file())
    }

    /// A client, if the stack was ever up.
    pub(crate) fn client(&self) -> Option<Client> {
        self.dir().map(Client::new)
    }

    /// A client of a stack that must be up.
    pub(crate) fn client_of_running(&self) -> Result<Client, Error> {
        let dir = self.dir().filter(|dir| dir.guard_socket().exists());
        dir.map(Client::new)
            .ok_or_else(|| Error::NotUp { stack: self.name() })
    }

    /// The stack's name for a message, from where it is the cheapest to know.
    pub(crate) fn name(&self) -> String {
        let recorded = self.dir().and_then(|dir| dir.recorded().ok());
        if let Some(record) = recorded {
            return record.name;
        }
        match stack_file::load(self, &ModelArgs::default()) {
            Ok(stack) => stack.name,
            Err(_) => self
                .file()
                .parent()
                .and_then(Utf8Path::file_name)
                .unwrap_or("here")
                .to_owned(),
        }
    }
}

/// The stack file in this folder or the nearest one above it.
fn find() -> Result<Utf8PathBuf, Error> {
    let here =
        std::env::current_dir().map_err(|source| Error::io("find the current folder", source))?;
    let here = Utf8PathBuf::from_path_buf(here).map_err(|path| {
        Error::io(
            format!("read the path {}", path.display()),
            io::ErrorKind::InvalidData.into(),
        )
    })?;
    canonical(&gantry_stack::import::find_file(&here)?)
}

/// The path that is the same from wherever and however it is named.
fn canonical(file: &Utf8Path) -> Result<Utf8PathBuf, Error> {
    file.canonicalize_utf8().map_err(|source| Error::Unopened {
        file: file.to_owned(),
        source,
    })
}
