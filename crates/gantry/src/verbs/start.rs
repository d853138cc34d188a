//! `gantry start`.

use std::time::Duration;

use gantry_api::OperationKind;

use super::common::{named, operate};
use crate::cli::StartArgs;
use crate::context::Context;
use crate::error::Error;

/// Start services of a stack that is up.
pub(crate) fn run(context: &Context<'_>, args: &StartArgs) -> Result<(), Error> {
    let limit = args.timeout.map(|limit| limit.0);
    operate(context, |request| {
        named(request, OperationKind::Start, &args.services);
        request.options.wait = !args.no_wait;
        request.options.timeout_ms = limit.map(milliseconds);
    })
}

/// As the wire has it.
pub(crate) fn milliseconds(limit: Duration) -> u64 {
    u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)
}
