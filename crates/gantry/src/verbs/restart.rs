//! `gantry restart`.

use gantry_api::OperationKind;

use super::common::{named, operate};
use super::start::milliseconds;
use crate::cli::RestartArgs;
use crate::context::Context;
use crate::error::Error;

/// Stop services of a stack that is up, and start them again.
pub(crate) fn run(context: &Context<'_>, args: &RestartArgs) -> Result<(), Error> {
    let limit = args.timeout.map(|limit| limit.0);
    operate(context, |request| {
        named(request, OperationKind::Restart, &args.services);
        request.options.wait = !args.no_wait;
        request.options.timeout_ms = limit.map(milliseconds);
    })
}
