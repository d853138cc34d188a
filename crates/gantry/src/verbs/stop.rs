//! `gantry stop`.

use gantry_api::OperationKind;

use super::common::{named, operate};
use crate::cli::StopArgs;
use crate::context::Context;
use crate::error::Error;

/// Stop services of a stack that is up.
pub(crate) fn run(context: &Context<'_>, args: &StopArgs) -> Result<(), Error> {
    operate(context, |request| {
        named(request, OperationKind::Stop, &args.services);
        request.options.cascade = args.cascade;
        request.options.force = args.force;
        request.options.dry_run = args.dry_run;
    })
}
