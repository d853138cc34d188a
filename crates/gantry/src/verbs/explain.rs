//! `gantry explain`.

use gantry_api::client::ClientError;
use gantry_api::{ErrorCode, Status};

use crate::cli::ExplainArgs;
use crate::context::Context;
use crate::error::Error;
use crate::runtime::block_on;
use crate::stack_file::full_part;
use crate::view::explain::ExplainView;

/// Ask the supervisor why the service is as it is.
pub(crate) fn run(context: &Context<'_>, args: &ExplainArgs) -> Result<ExplainView, Error> {
    let client = context.client_of_running()?;
    block_on(async {
        let refused = match client.explain(&args.service).await {
            Ok(explanation) => return Ok(ExplainView { explanation }),
            Err(ClientError::Refused(body)) if body.code == ErrorCode::NotFound => body,
            Err(error) => return Err(error.into()),
        };
        let status: Status = client.status().await?;
        let known: Vec<&str> = status.services.iter().map(|one| &*one.name).collect();
        let name = full_part(&args.service, &known, &status.stack)?;
        if name == args.service {
            return Err(ClientError::Refused(refused).into());
        }
        let explanation = client.explain(&name).await?;
        Ok(ExplainView { explanation })
    })
}
