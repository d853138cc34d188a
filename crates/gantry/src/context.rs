//! Which stack is meant, found without reading more than is needed.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use gantry_api::client::Client;
use gantry_api::home::{GantryHome, StackDir};
use gantry_stack::import::NAMES;

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
        let home = GantryHome::from_env()?;
        let files = if named.is_empty() {
            vec![find(&home)?]
        } else {
            named
                .iter()
                .map(|file| canonical(file).or_else(|error| gone(&home, file).ok_or(error)))
                .collect::<Result<_, _>>()?
        };
        Ok(Self {
            output,
            files,
            home,
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

/// The stack file in this folder or the nearest one above it; where there is none, the one that a
/// stack which is still up was brought up from.
fn find(home: &GantryHome) -> Result<Utf8PathBuf, Error> {
    let here =
        std::env::current_dir().map_err(|source| Error::io("find the current folder", source))?;
    let here = Utf8PathBuf::from_path_buf(here).map_err(|path| {
        Error::io(
            format!("read the path {}", path.display()),
            io::ErrorKind::InvalidData.into(),
        )
    })?;
    match gantry_stack::import::find_file(&here) {
        Ok(file) => canonical(&file),
        Err(error) => {
            let mut folders = here.ancestors();
            let file = folders
                .find_map(|folder| NAMES.iter().find_map(|name| gone(home, &folder.join(name))));
            file.ok_or_else(|| error.into())
        }
    }
}

/// A file that is not there any more, if a stack that came from it is still up: whoever deletes a
/// stack's folder must still be able to take the stack down.
fn gone(home: &GantryHome, file: &Utf8Path) -> Option<Utf8PathBuf> {
    let file = camino::absolute_utf8(file).ok()?;
    let folder = file.parent()?;
    // Its folder may have gone with it.
    let folder = folder.canonicalize_utf8().unwrap_or(folder.to_owned());
    let file = folder.join(file.file_name()?);
    let dir = home.find(&file)?;
    dir.guard_socket().exists().then_some(file)
}

/// The path that is the same from wherever and however it is named.
fn canonical(file: &Utf8Path) -> Result<Utf8PathBuf, Error> {
    file.canonicalize_utf8().map_err(|source| Error::Unopened {
        file: file.to_owned(),
        source,
    })
}
