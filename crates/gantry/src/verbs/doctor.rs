//! `gantry doctor`.

mod home;

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::Utf8PathBuf;
use gantry_api::home::GantryHome;
use gantry_driver::{HostJobs, StackIdentity, Standing, Surveyor};
use gantry_engine::preflight::{self, Surroundings};
use gantry_stack::import::FindError;
use serde_json::Value;

use super::roles;
use crate::cli::ModelArgs;
use crate::context::Context;
use crate::error::Error;
use crate::host::OwnHost;
use crate::output::Output;
use crate::runtime::block_on;
use crate::stack_file::{self, StackFile, environment};
use crate::view::doctor::{DoctorView, OfferLine, StackLine};
use crate::view::show;

/// Look at the machine, and at what the stack needs of it if there is one. Returns the exit code.
pub(crate) fn run(output: &Output, files: &[Utf8PathBuf], model: &ModelArgs) -> Result<u8, Error> {
    let stack = match Context::new(output, files) {
        Ok(context) => Some((stack_file::load(&context, model)?, context)),
        Err(Error::NoStackFile(FindError::None { .. })) => None,
        // The home folder is what is looked at.
        Err(Error::Home(_)) if files.is_empty() => None,
        Err(error) => return Err(error),
    };
    let view = block_on(async { Ok(look(stack.as_ref()).await) })?;
    show(output, &view);
    Ok(if view.lacks() { 3 } else { 0 })
}

async fn look(stack: Option<&(StackFile, Context<'_>)>) -> DoctorView {
    let environment: BTreeMap<String, String> = environment().into_iter().collect();
    let drivers = roles::drivers();
    let host: Arc<dyn HostJobs> = Arc::new(OwnHost);
    let mut offers = vec![OfferLine {
        mode: None,
        offer: home::survey(GantryHome::from_env().as_ref()),
    }];
    let surveys = drivers.iter().map(|driver| {
        let mode = driver.mode();
        let services = stack
            .iter()
            .flat_map(|(file, _)| file.stack().services.values());
        let specs: Vec<&Value> = services
            .filter(|service| *service.mode() == mode)
            .map(|service| &service.run.spec)
            .collect();
        let (environment, host) = (&environment, &host);
        async move {
            let surveyor = Surveyor {
                specs: &specs,
                environment,
                host,
            };
            (mode, driver.survey(surveyor).await)
        }
    });
    for (mode, found) in futures::future::join_all(surveys).await {
        offers.extend(found.into_iter().map(|offer| OfferLine {
            mode: Some(mode.to_string()),
            offer,
        }));
    }
    let stack = match stack {
        Some((file, context)) => {
            let around = Surroundings {
                path: environment.get("PATH").cloned().unwrap_or_default(),
                drivers,
                stack: identity(file, context),
                host,
            };
            let lacking = preflight::lacking(file.stack(), &around).await;
            Some(StackLine {
                stack: file.name.clone(),
                file: context.file().to_owned(),
                lacking,
                home: offers[0].offer.standing == Standing::Missing,
            })
        }
        None => None,
    };
    DoctorView { offers, stack }
}

/// The stack as its supervisor would call it.
pub(super) fn identity(file: &StackFile, context: &Context<'_>) -> StackIdentity {
    let dir = context.dir();
    let dir = dir.unwrap_or_else(|| context.home.stack(&file.name, context.file()));
    StackIdentity {
        name: file.name.as_str().into(),
        id: dir.path().file_name().unwrap_or(&file.name).into(),
        state_dir: dir.path().to_owned(),
        base_dir: file.stack().dir.clone(),
    }
}
