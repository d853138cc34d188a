//! `gantry render`.

use gantry_driver_kubernetes::preview;
use serde_json::Value;

use super::diff;
use crate::cli::{DiffArgs, RenderArgs};
use crate::context::Context;
use crate::error::Error;
use crate::runtime::block_on;
use crate::stack_file;
use crate::view::diff::{ManifestsView, ServiceDiff, ServiceValues};
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
    let asked = DiffArgs {
        services: Vec::new(),
        model: args.model.clone(),
        files: args.files.clone(),
    };
    let values = args.show_values.then(|| values(context, &asked));
    let services = args.manifests.then(|| rendered(context, &asked));
    Ok(ManifestsView {
        values: values.transpose()?,
        services: services.transpose()?,
    })
}

/// The values of each release.
fn values(context: &Context<'_>, args: &DiffArgs) -> Result<Vec<ServiceValues>, Error> {
    let file = stack_file::load(context, &args.model)?;
    let wishes = diff::wishes(context, &file, &[]).into_iter();
    let mut all = Vec::new();
    for wish in wishes.filter(|wish| wish.helm) {
        let service = wish.service.to_string();
        let below = block_on(async { Ok(preview::values(&wish).await) })?;
        let below = below.map_err(|error| error.to_string());
        let values = below.and_then(|below| file.chart_values(&service, &below));
        match values {
            Ok(values) => all.push(ServiceValues { service, values }),
            Err(reason) => return Err(Error::NotRendered { service, reason }),
        }
    }
    Ok(all)
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
