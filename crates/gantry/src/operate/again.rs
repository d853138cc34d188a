//! Asking again for what a supervisor died over.
//!
//! | operation | asked again | because |
//! |---|---|---|
//! | up, stop, down, rollback to a revision | as it was | it says what is to be, and does no harm where that is so already |
//! | start, restart | with what was seen before | asked again as it was, a job runs twice and a service restarts twice; not asked again, they may never: a supervisor that dies forgets it |
//! | rollback to the revision before | never | it would go back by two, and nobody can see whether it went back |

use std::collections::BTreeMap;
use std::time::Duration;

use gantry_api::client::{Client, ClientError, DYING, Lines, TRIES};
use gantry_api::{InstanceStatus, OperationKind, OperationRequest, Progress, State, Status};
use tokio::time::{Instant, sleep};

/// How long a new supervisor may not know yet what runs.
const UNKNOWN: Duration = Duration::from_secs(10);

/// An operation that may have to be asked for more than once.
pub(super) struct Again<'a> {
    client: &'a Client,
    request: OperationRequest,
    tries: usize,
    /// Which start each instance was at before, if that matters. It goes out only when it is asked again.
    seen: BTreeMap<String, u32>,
}

/// Whether this operation is to be told which start each instance is at before it; see [`seen`].
pub(crate) fn may_happen_twice(request: &OperationRequest) -> bool {
    let happens = matches!(request.kind, OperationKind::Start | OperationKind::Restart);
    happens && !request.options.dry_run
}

/// Which start each instance is at.
pub(crate) fn seen(status: &Status) -> BTreeMap<String, u32> {
    let instances = instances(status);
    instances
        .map(|(_, it)| (it.id.clone(), it.generation))
        .collect()
}

impl<'a> Again<'a> {
    pub(super) fn of(client: &'a Client, request: &OperationRequest) -> Self {
        let mut request = request.clone();
        let seen = std::mem::take(&mut request.options.seen);
        Self {
            client,
            request,
            tries: 0,
            seen,
        }
    }

    /// Ask for it.
    pub(super) async fn ask(&mut self) -> Result<Lines<Progress>, ClientError> {
        loop {
            match self.client.operate(&self.request).await {
                Err(error @ ClientError::BrokenOff { .. }) => self.prepare(error).await?,
                answer => return answer,
            }
        }
    }

    /// The supervisor died over it, with this error: ask the next one.
    pub(super) async fn resume(
        &mut self,
        error: ClientError,
    ) -> Result<Lines<Progress>, ClientError> {
        self.prepare(error).await?;
        self.ask().await
    }

    /// Whether it was asked for again.
    pub(super) fn was_resumed(&self) -> bool {
        self.tries > 0
    }

    /// The error comes back if it may not be asked for again.
    async fn prepare(&mut self, error: ClientError) -> Result<(), ClientError> {
        let goes_back_by_one =
            self.request.kind == OperationKind::Rollback && self.request.options.back_to.is_none();
        if self.tries == TRIES || goes_back_by_one {
            return Err(error);
        }
        self.tries += 1;
        sleep(DYING).await;
        if !self.seen.is_empty() {
            self.settle().await?;
            self.request.options.seen.clone_from(&self.seen);
        }
        Ok(())
    }

    /// Whether this service was asked for by its name, or all were.
    fn names(&self, service: &str) -> bool {
        let named = &self.request.services;
        named.is_empty() || named.iter().any(|name| name == service)
    }

    /// Wait until the supervisor knows of those that were asked for what runs.
    async fn settle(&self) -> Result<(), ClientError> {
        let begin = Instant::now();
        loop {
            let status = self.client.status().await?;
            let unknown = instances(&status)
                .any(|(service, it)| self.names(service) && it.state == State::Unknown);
            if !unknown || begin.elapsed() > UNKNOWN {
                return Ok(());
            }
            sleep(DYING).await;
        }
    }
}

/// All instances, with their service.
fn instances(status: &Status) -> impl Iterator<Item = (&str, &InstanceStatus)> {
    status
        .services
        .iter()
        .flat_map(|service| service.instances.iter().map(|it| (&*service.name, it)))
}
