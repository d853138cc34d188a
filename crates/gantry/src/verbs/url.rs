//! `gantry url`.

use gantry_api::Status;

use crate::cli::UrlArgs;
use crate::context::Context;
use crate::error::Error;
use crate::runtime::block_on;
use crate::stack_file::full_name;
use crate::view::url::{UrlLine, UrlView};

/// Ask where services are reached.
pub(crate) fn run(context: &Context<'_>, args: &UrlArgs) -> Result<UrlView, Error> {
    let client = context.client_of_running()?;
    block_on(async {
        let status: Status = client.status().await?;
        let known: Vec<&str> = status.services.iter().map(|one| &*one.name).collect();
        let wanted = args.service.as_deref();
        let wanted = wanted.map(|name| full_name(name, &known, &status.stack));
        let wanted = wanted.transpose()?;
        let services = status.services.iter();
        let services = services.filter(|one| wanted.as_ref().is_none_or(|name| *name == one.name));
        let lines = services.flat_map(|one| {
            one.endpoints.iter().map(|endpoint| UrlLine {
                service: one.name.clone(),
                name: endpoint.name.clone(),
                url: endpoint.url.clone(),
            })
        });
        Ok(UrlView {
            lines: lines.collect(),
            alone: wanted.is_some(),
        })
    })
}
