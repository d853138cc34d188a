//! `gantry explain`.

use gantry_api::client::ClientError;
use gantry_api::{ErrorCode, Status};

use crate::cli::ExplainArgs;
use crate::context::Context;
use crate::error::Error;
use crate::runtime::block_on;
use crate::stack_file::check_names;
use crate::view::explain::ExplainView;

/// Ask the supervisor why the service is as it is.
pub(crate) fn run(context: &Context<'_>, args: &ExplainArgs) -> Result<ExplainView, Error> {
    let client = context.client_of_running()?;
    block_on(async {
        match client.explain(&args.service).await {
            Ok(explanation) => Ok(ExplainView { explanation }),
            Err(ClientError::Refused(body)) if body.code == ErrorCode::NotFound => {
                let status: Status = client.status().await?;
                let known: Vec<&str> = status.services.iter().map(|one| &*one.name).collect();
                check_names(std::slice::from_ref(&args.service), &known, &status.stack)?;
                Err(ClientError::Refused(body).into())
            }
            Err(error) => Err(error.into()),
        }
    })
}
