//! `gantry validate`.

use crate::cli::{HowToRender, ValidateArgs};
use crate::context::Context;
use crate::error::Error;
use crate::stack_file;
use crate::view::validate::ValidView;

/// Read the stack file and render what it has of templates, without writing. What is wrong comes as an error.
pub(crate) fn run(context: &Context<'_>, args: &ValidateArgs) -> Result<ValidView, Error> {
    let stack = stack_file::load(context, &args.model)?;
    stack.warn(context.output);
    stack.prove(&HowToRender {
        // What else is in the build folder is no fault of the file's.
        replace: true,
        ..HowToRender::default()
    })?;
    Ok(ValidView {
        stack: stack.name.clone(),
        file: context.file().to_owned(),
        services: stack.services.len(),
        warnings: stack.warnings(),
    })
}
