//! `gantry validate`.

use crate::cli::ValidateArgs;
use crate::context::Context;
use crate::error::Error;
use crate::stack_file;
use crate::view::validate::ValidView;

/// Read the stack file. What is wrong with it comes as an error.
pub(crate) fn run(context: &Context<'_>, args: &ValidateArgs) -> Result<ValidView, Error> {
    let stack = stack_file::load(context, &args.model)?;
    stack.warn(context.output);
    Ok(ValidView {
        stack: stack.name.clone(),
        file: context.file().to_owned(),
        services: stack.services.len(),
        warnings: stack.warnings(),
    })
}
