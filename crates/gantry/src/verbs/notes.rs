//! `gantry notes`.

use super::common::full_with_supervisor;
use crate::cli::NotesArgs;
use crate::context::Context;
use crate::error::Error;
use crate::runtime::block_on;
use crate::view::notes::NotesView;

/// Ask what services tell their users.
pub(crate) fn run(context: &Context<'_>, args: &NotesArgs) -> Result<NotesView, Error> {
    let client = context.client_of_running()?;
    block_on(async {
        let services = full_with_supervisor(&client, &args.services).await?;
        let mut report = client.notes().await?;
        if !services.is_empty() {
            report.notes.retain(|one| services.contains(&one.service));
        }
        Ok(NotesView { report })
    })
}
