//! `gantry clean`.

use std::io;

use super::down;
use crate::cli::{CleanArgs, ModelArgs};
use crate::context::Context;
use crate::error::Error;
use crate::stack_file;
use crate::view::render::{Rendered, RenderedView};

/// Take the stack down if it is up, then remove what was rendered.
pub(crate) fn run(context: &Context<'_>, args: &CleanArgs) -> Result<RenderedView, Error> {
    let stack = stack_file::load(context, &ModelArgs::default())?;
    down::with(context, &args.down, args.discard)?;
    let (folder, changes) = stack
        .clean()
        .map_err(|reason| Error::io("remove what was rendered", io::Error::other(reason)))?;
    Ok(RenderedView {
        stack: stack.name.clone(),
        rendered: Rendered {
            folder: Some(folder),
            changes,
            unchanged: 0,
        },
        dry_run: false,
    })
}
