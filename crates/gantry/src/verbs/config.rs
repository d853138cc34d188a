//! `gantry config show`.

use crate::cli::ModelArgs;
use crate::context::Context;
use crate::error::Error;
use crate::stack_file;
use crate::view::origins::{ConfigView, OriginsView};

/// The stack after all files, variables and defaults.
pub(crate) fn show(context: &Context<'_>, model: &ModelArgs) -> Result<ConfigView, Error> {
    let stack = stack_file::load(context, model)?;
    Ok(ConfigView {
        model: stack.model_value(),
    })
}

/// Each value and where it came from.
pub(crate) fn origins(context: &Context<'_>, model: &ModelArgs) -> Result<OriginsView, Error> {
    let stack = stack_file::load(context, model)?;
    Ok(OriginsView {
        values: stack.origins(),
    })
}
