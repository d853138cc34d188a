//! `gantry reload`.

use gantry_api::ReloadRequest;

use super::common::full_with_supervisor;
use crate::cli::ReloadArgs;
use crate::context::Context;
use crate::error::Error;
use crate::runtime::block_on;
use crate::view::reload::ReloadView;
use crate::view::show;

/// Ask the supervisor to tell the services, and say what came of it. Returns the exit code.
pub(crate) fn run(context: &Context<'_>, args: &ReloadArgs) -> Result<u8, Error> {
    let client = context.client_of_running()?;
    let report = block_on(async {
        let services = full_with_supervisor(&client, &args.services).await?;
        let request = ReloadRequest { services };
        Ok::<_, Error>(client.reload(&request).await?)
    })?;
    let failed = report.instances.iter().any(|one| one.error.is_some());
    show(context.output, &ReloadView { report });
    Ok(u8::from(failed))
}
