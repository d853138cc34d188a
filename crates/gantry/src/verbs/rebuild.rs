//! `gantry rebuild`.

use super::{clean, up};
use crate::cli::{CleanArgs, DownArgs, RebuildArgs};
use crate::context::Context;
use crate::error::Error;
use crate::stack_file;

/// Clean, and bring up with everything made anew. Returns the exit code.
pub(crate) fn run(context: &Context<'_>, args: RebuildArgs) -> Result<u8, Error> {
    let RebuildArgs {
        discard,
        up: mut args,
    } = args;
    args.render.build = true;
    if !args.dry_run {
        // What cannot come up again is not taken down.
        let stack = stack_file::load_with(context, &args.model, &args.services)?;
        stack.full(&args.services)?;
        stack.prove(&args.render)?;
        let down = DownArgs {
            purge: false,
            timeout: None,
            files: args.files.clone(),
        };
        clean::run(context, &CleanArgs { discard, down })?;
    }
    up::run(context, &args)
}
