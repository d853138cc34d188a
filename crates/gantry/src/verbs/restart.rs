//! `gantry restart`.

use gantry_api::OperationKind;

use super::common::{named, operate};
use crate::cli::RestartArgs;
use crate::context::Context;
use crate::error::Error;

/// Stop services of a stack that is up, and start them again.
pub(crate) fn run(context: &Context<'_>, args: &RestartArgs) -> Result<(), Error> {
    operate(context, |request| {
        named(request, OperationKind::Restart, &args.services);
        args.wait.put_into(&mut request.options);
    })
}
