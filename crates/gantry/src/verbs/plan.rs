//! `gantry plan`.

use gantry_api::client::ClientError;
use gantry_api::{Plan, PlanRequest, VERSION};

use crate::cli::{HowToRender, PlanArgs};
use crate::context::Context;
use crate::error::Error;
use crate::runtime::block_on;
use crate::stack_file::{self, StackFile};
use crate::view::plan::PlanView;

/// Ask the supervisor what `up` would do; without one, everything that is wanted would be started.
pub(crate) fn run(context: &Context<'_>, args: &PlanArgs) -> Result<PlanView, Error> {
    let mut stack = stack_file::load_with(context, &args.model, &args.services)?;
    let services = stack.full(&args.services)?;
    stack.render(context.output, &HowToRender::default(), false)?;
    let asked = match context.client() {
        Some(client) if client.dir().guard_socket().exists() => {
            let (model, given) = stack.model_and_given();
            let request = PlanRequest {
                version: VERSION,
                services: services.clone(),
                model,
                given,
            };
            match block_on(async { Ok(client.plan(&request).await) })? {
                Ok(plan) => Some(plan),
                Err(ClientError::NoSupervisor { .. }) => None,
                Err(error) => return Err(error.into()),
            }
        }
        _ => None,
    };
    let mut plan = asked.unwrap_or_else(|| from_nothing(&stack, &services));
    // What stays as it is is no step.
    plan.steps.retain(|step| step.action != "keep");
    Ok(PlanView { plan })
}

/// The plan where nothing runs.
fn from_nothing(stack: &StackFile, services: &[String]) -> Plan {
    let steps = stack
        .wanted(services)
        .into_iter()
        .map(|service| gantry_api::Step {
            action: "start".to_owned(),
            service: service.name.clone(),
            reason: "not running".to_owned(),
        });
    Plan {
        steps: steps.collect(),
    }
}
