//! The seam to the library that reads stack files.

use std::ffi::OsString;

use camino::Utf8PathBuf;
use gantry_stack::load::{LoadOptions, Loaded, ValueOrigin, load};

use super::Problems;
use crate::cli::ModelArgs;
use crate::error::Error;
use crate::view::origins::OriginLine;

/// Read these files, of which the first is the stack file.
pub(super) fn read(
    files: &[Utf8PathBuf],
    args: &ModelArgs,
    services: &[String],
) -> Result<Loaded, Error> {
    let here = std::env::current_dir().ok();
    let here = here.and_then(|here| Utf8PathBuf::from_path_buf(here).ok());
    let options = LoadOptions {
        files: files.to_vec(),
        folder: here.unwrap_or_else(|| "/".into()),
        environment: environment(),
        modes: args.modes.clone(),
        profiles: args.profiles.clone(),
        services: services.to_vec(),
        assignments: Vec::new(),
        values: args.values.clone(),
        values_files: args.values_files.clone(),
    };
    load(&options).map_err(|report| Error::StackFile(Problems(report)))
}

/// The environment. What is not text cannot be meant in a stack file.
pub(crate) fn environment() -> Vec<(String, String)> {
    let text = |(name, value): (OsString, OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text).collect()
}

/// One value with its place, for people.
pub(super) fn origin(value: ValueOrigin) -> OriginLine {
    let origin = match (&value.file, value.line, value.column) {
        // A flag is one value.
        (Some(flag), ..) if flag.starts_with("--") => flag.clone(),
        (Some(file), Some(line), Some(column)) => format!("{file}:{line}:{column}"),
        (Some(file), ..) => file.clone(),
        _ => value.layer.to_string(),
    };
    OriginLine {
        path: value.path,
        value: value.value,
        origin,
        layer: value.layer.to_string(),
    }
}
