//! `gantry diff`: what an `up` would change in clusters, object by object.

use std::collections::BTreeMap;
use std::sync::Arc;

use gantry_driver::HostJobs;
use gantry_driver_kubernetes::preview::{self, Wish};
use gantry_engine::preflight::{self, Surroundings, UNKNOWN};

use super::doctor::identity;
use super::roles;
use crate::cli::{DiffArgs, HowToRender};
use crate::context::Context;
use crate::error::Error;
use crate::host::OwnHost;
use crate::runtime::block_on;
use crate::stack_file::{self, StackFile, environment};
use crate::view::diff::{DiffView, ServiceDiff};

/// Look, without a supervisor: nothing is changed, and nothing need be up.
pub(crate) fn run(context: &Context<'_>, args: &DiffArgs) -> Result<DiffView, Error> {
    let mut file = stack_file::load_with(context, &args.model, &args.services)?;
    let named = file.full(&args.services)?;
    file.warn(context.output);
    if file.has_templates_of_manifests() {
        // What would be applied is read from where an `up` would read it.
        file.render(context.output, &HowToRender::default(), true)?;
    }
    let wishes = wishes(context, &file, &named);
    block_on(async {
        let looks = wishes.into_iter().map(|wish| async {
            let (service, helm) = (wish.service.to_string(), wish.helm);
            ServiceDiff {
                service,
                mode: if helm { "helm" } else { "kubernetes" },
                found: preview::preview(wish)
                    .await
                    .map_err(|error| error.to_string()),
            }
        });
        let services = futures::future::join_all(looks).await;
        Ok(DiffView { services })
    })
}

/// What is to be looked at: services in clusters, all if none is named.
pub(super) fn wishes(context: &Context<'_>, file: &StackFile, named: &[String]) -> Vec<Wish> {
    let environment: BTreeMap<String, String> = environment().into_iter().collect();
    let host: Arc<dyn HostJobs> = Arc::new(OwnHost);
    let around = Surroundings {
        path: environment.get("PATH").cloned().unwrap_or_default(),
        drivers: roles::drivers(),
        stack: identity(file, context),
        host: Arc::clone(&host),
    };
    let mut wishes = Vec::new();
    for mode in ["kubernetes", "helm"] {
        for known in preflight::specifications(file.stack(), mode, &around) {
            if !named.is_empty() && !named.iter().any(|name| *name == known.service.as_str()) {
                continue;
            }
            wishes.push(Wish {
                helm: mode == "helm",
                stack: around.stack.clone(),
                service: known.service,
                spec: known.spec,
                settings: known.settings,
                environment: environment.clone(),
                host: Arc::clone(&host),
                unknown: UNKNOWN,
            });
        }
    }
    wishes
}
