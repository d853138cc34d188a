//! `gantry start`.

use gantry_api::OperationKind;

use super::common::{named, operate};
use crate::cli::StartArgs;
use crate::context::Context;
use crate::error::Error;

/// Start services of a stack that is up.
pub(crate) fn run(context: &Context<'_>, args: &StartArgs) -> Result<(), Error> {
    operate(context, |request| {
        named(request, OperationKind::Start, &args.services);
        args.wait.put_into(&mut request.options);
    })
}
