//! Asking again for what a supervisor died over.
//!
//! | operation | asked again | because |
//! |---|---|---|
//! | up, stop, down, rollback to a revision | as it was | it says what is to be, and does no harm where that is so already |
//! | start, restart | with what was seen before | asked again as it was, a job runs twice and a service restarts twice; not asked again, they may never: a supervisor that dies forgets it |
//! | rollback to the revision before | never | it would go back by two, and nobody can see whether it went back |

use std::collections::{BTreeMap, HashSet};
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
    /// Which start each instance was at before, if that matters.
    seen: BTreeMap<String, u32>,
    /// How many services have got further since.
    over: usize,
}

impl<'a> Again<'a> {
    pub(super) async fn of(
        client: &'a Client,
        request: &OperationRequest,
    ) -> Result<Self, ClientError> {
        let happens = matches!(request.kind, OperationKind::Start | OperationKind::Restart);
        let mut seen = BTreeMap::new();
        if happens && !request.options.dry_run {
            let status = client.status().await?;
            seen.extend(instances(&status).map(|(_, it)| (it.id.clone(), it.generation)));
        }
        Ok(Self {
            client,
            request: request.clone(),
            tries: 0,
            seen,
            over: 0,
        })
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

    /// How many services a supervisor had started before it died.
    pub(super) fn over(&self) -> usize {
        self.over
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
            let status = self.settled().await?;
            let is_over = |it: &InstanceStatus| {
                self.seen
                    .get(&it.id)
                    .is_some_and(|seen| it.generation > *seen)
            };
            let over: HashSet<&str> = instances(&status)
                .filter(|(service, it)| self.names(service) && is_over(it))
                .map(|(service, _)| service)
                .collect();
            self.over = over.len();
            self.request.options.seen.clone_from(&self.seen);
        }
        Ok(())
    }

    /// Whether this service was asked for by its name, or all were.
    fn names(&self, service: &str) -> bool {
        let named = &self.request.services;
        named.is_empty() || named.iter().any(|name| name == service)
    }

    /// The status as soon as the supervisor knows of those that were asked for what runs.
    async fn settled(&self) -> Result<Status, ClientError> {
        let begin = Instant::now();
        loop {
            let status = self.client.status().await?;
            let unknown = instances(&status)
                .any(|(service, it)| self.names(service) && it.state == State::Unknown);
            if !unknown || begin.elapsed() > UNKNOWN {
                return Ok(status);
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
