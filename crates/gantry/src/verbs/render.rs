//! `gantry render`.

use crate::cli::RenderArgs;
use crate::context::Context;
use crate::error::Error;
use crate::stack_file;
use crate::view::render::RenderedView;

/// Write what templates become into the build folder.
pub(crate) fn run(context: &Context<'_>, args: &RenderArgs) -> Result<RenderedView, Error> {
    let mut stack = stack_file::load(context, &args.model)?;
    stack.warn(context.output);
    let rendered = stack.render(context.output, &args.how, !args.dry_run)?;
    Ok(RenderedView {
        stack: stack.name.clone(),
        rendered,
        dry_run: args.dry_run,
    })
}
