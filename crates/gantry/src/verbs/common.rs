//! What the verbs that change a running stack have in common.

use gantry_api::client::Client;
use gantry_api::{OperationKind, OperationRequest, Plan, Status};

use crate::context::Context;
use crate::error::Error;
use crate::interrupts::Interrupts;
use crate::operate::{self, again};
use crate::runtime::block_on;
use crate::stack_file::full_names;
use crate::view::plan::PlanView;
use crate::view::show;

/// Make a request one of this kind with these services.
pub(crate) fn named(request: &mut OperationRequest, kind: OperationKind, services: &[String]) {
    request.kind = kind;
    request.services = services.to_vec();
}

/// Ask for an operation of a stack that is up, and tell how it went.
pub(crate) fn operate(
    context: &Context<'_>,
    change: impl FnOnce(&mut OperationRequest),
) -> Result<(), Error> {
    let mut request = operate::request(OperationKind::Start, &[]);
    change(&mut request);
    let client = context.client_of_running()?;
    block_on(async {
        let mut interrupts = Interrupts::new();
        let happens = again::may_happen_twice(&request);
        if happens || !request.services.is_empty() {
            let status = client.status().await?;
            request.services = full_in(&status, &request.services)?;
            if happens {
                request.options.seen = again::seen(&status);
            }
        }
        let ended = operate::run(&client, &request, context.output, interrupts.next()).await?;
        if request.options.dry_run && ended.outcome.exit_code == 0 {
            show(
                context.output,
                &PlanView {
                    plan: Plan { steps: ended.steps },
                },
            );
            return Ok(());
        }
        operate::tell(
            request.kind,
            &ended.outcome,
            ended.moved(request.kind),
            context.output,
        )
    })
}

/// The names of services in full. An unknown one is an error before anything begins.
pub(crate) async fn full_with_supervisor(
    client: &Client,
    services: &[String],
) -> Result<Vec<String>, Error> {
    if services.is_empty() {
        return Ok(Vec::new());
    }
    full_in(&client.status().await?, services)
}

fn full_in(status: &Status, services: &[String]) -> Result<Vec<String>, Error> {
    let known: Vec<&str> = status
        .services
        .iter()
        .map(|service| &*service.name)
        .collect();
    full_names(services, &known, &status.stack)
}
