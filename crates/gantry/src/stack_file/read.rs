//! The seam to the library that reads stack files.

use camino::Utf8PathBuf;
use gantry_stack::model;
use serde_json::Value;

use super::Problems;
use crate::cli::ModelArgs;
use crate::error::Error;
use crate::view::origins::OriginLine;

/// What was read.
pub(super) struct Read {
    pub(super) stack: model::Stack,
    pub(super) warnings: Option<Problems>,
    pub(super) origins: Vec<OriginLine>,
}

pub(super) fn read(files: &[Utf8PathBuf], args: &ModelArgs) -> Result<Read, Error> {
    let _ = (files, args);
    Err(Error::io("read", std::io::ErrorKind::Unsupported.into()))
}

pub(super) fn schema() -> Value {
    Value::Null
}
