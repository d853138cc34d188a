//! `gantry import`.

use std::fs::OpenOptions;
use std::io::Write as _;

use camino::Utf8PathBuf;
use gantry_stack::convert;

use crate::cli::{ImportArgs, ImportKind};
use crate::error::Error;
use crate::output::Output;
use crate::stack_file::{Problems, environment};

/// Print a stack file of another tool's file, or write it to a new one.
pub(crate) fn run(args: &ImportArgs, output: &Output) -> Result<(), Error> {
    let path = args.file.canonicalize_utf8();
    let path: Utf8PathBuf = path.map_err(|source| Error::Unopened {
        file: args.file.clone(),
        source,
    })?;
    let made = match args.kind {
        ImportKind::Compose => convert::compose(&path),
        ImportKind::Config => convert::config(&path, environment()),
    };
    let text = made.map_err(|report| Error::StackFile(Problems(report)))?;
    let Some(to) = &args.to else {
        output.results.bytes(text.as_bytes());
        return Ok(());
    };
    let write = || {
        // Never over a file that somebody wrote.
        let mut file = OpenOptions::new().write(true).create_new(true).open(to)?;
        file.write_all(text.as_bytes())
    };
    write().map_err(|source| Error::io(format!("write {to}"), source))
}
