//! What the verbs that change a running stack have in common.

use gantry_api::client::Client;
use gantry_api::{OperationKind, OperationRequest, Plan, Status};

use crate::context::Context;
use crate::error::Error;
use crate::interrupts::Interrupts;
use crate::operate;
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
        request.services = full_with_supervisor(&client, &request.services).await?;
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
    let status: Status = client.status().await?;
    let known: Vec<&str> = status
        .services
        .iter()
        .map(|service| &*service.name)
        .collect();
    full_names(services, &known, &status.stack)
}
