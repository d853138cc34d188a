//! `gantry history`.

use gantry_api::HistoryReport;
use gantry_api::client::Client;

use super::common::full_with_supervisor;
use crate::cli::HistoryArgs;
use crate::context::Context;
use crate::error::Error;
use crate::runtime::block_on;
use crate::view::history::HistoryView;

/// Ask what a service has been.
pub(crate) fn run(context: &Context<'_>, args: &HistoryArgs) -> Result<HistoryView, Error> {
    let client = context.client_of_running()?;
    let report = block_on(of(&client, &args.service))?;
    Ok(HistoryView { report })
}

/// The revisions of a service that is named, in full or not.
pub(super) async fn of(client: &Client, service: &str) -> Result<HistoryReport, Error> {
    let named = full_with_supervisor(client, &[service.to_owned()]).await?;
    let name = named.first().map_or(service, String::as_str);
    Ok(client.history(name).await?)
}
