//! `gantry render`.

use serde_json::Value;

use super::diff;
use crate::cli::{DiffArgs, RenderArgs};
use crate::context::Context;
use crate::error::Error;
use crate::stack_file;
use crate::view::diff::{ManifestsView, ServiceDiff};
use crate::view::render::RenderedView;

/// Write what templates become into the build folder.
pub(crate) fn run(context: &Context<'_>, args: &RenderArgs) -> Result<RenderedView, Error> {
    let mut stack = stack_file::load(context, &args.model)?;
    stack.warn(context.output);
    let rendered = stack.render(context.output, &args.how, !args.dry_run)?;
    Ok(RenderedView {
        stack: stack.name.clone(),
        rendered,
        dry_run: args.dry_run,
    })
}

/// Print what services in clusters consist of. One that cannot be rendered is an error.
pub(crate) fn manifests(context: &Context<'_>, args: &RenderArgs) -> Result<ManifestsView, Error> {
    let args = DiffArgs {
        services: Vec::new(),
        model: args.model.clone(),
        files: args.files.clone(),
    };
    let services = rendered(context, &args)?;
    Ok(ManifestsView { services })
}

/// The objects of each service in a cluster.
pub(super) fn objects(
    context: &Context<'_>,
    args: &DiffArgs,
) -> Result<Vec<(String, Vec<Value>)>, Error> {
    let services = rendered(context, args)?.into_iter();
    let services = services.map(|one| {
        let found = one.found.map(|found| found.objects).unwrap_or_default();
        let objects = found.into_iter().filter_map(|object| object.manifest);
        (one.service, objects.collect())
    });
    Ok(services.collect())
}

fn rendered(context: &Context<'_>, args: &DiffArgs) -> Result<Vec<ServiceDiff>, Error> {
    let services = diff::run(context, args)?.services;
    for one in &services {
        if let Err(reason) = &one.found {
            return Err(Error::NotRendered {
                service: one.service.clone(),
                reason: reason.clone(),
            });
        }
    }
    Ok(services)
}
