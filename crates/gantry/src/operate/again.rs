//! Asking again for what a supervisor died over.
//!
//! | operation | asked again | because |
//! |---|---|---|
//! | up, start, stop, down, rollback to a revision | as it was | it says what is to be, and does no harm where that is so already |
//! | restart | for those that are still what they were | asked again as it was it would happen twice; not at all, perhaps never: a supervisor that dies forgets it |
//! | rollback to the revision before | never | it would go back by two, and nobody can see whether it went back |

use std::collections::{HashMap, HashSet};
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
    /// How many services were found to have been restarted.
    over: usize,
    /// If it is a restart: what it has to end.
    restart: Option<Before>,
}

/// What ran before a restart.
struct Before {
    /// The services that were named; none means all.
    named: Vec<String>,
    /// Which start each instance was that ran.
    generations: HashMap<String, u32>,
    /// Whether some were found to have been restarted, and are still to be waited for.
    some_are_over: bool,
}

impl<'a> Again<'a> {
    pub(super) async fn of(
        client: &'a Client,
        request: &OperationRequest,
    ) -> Result<Self, ClientError> {
        let restart = if request.kind == OperationKind::Restart && !request.options.dry_run {
            let status = client.status().await?;
            let running = instances(&status, &request.services).filter(|(_, it)| runs(it));
            Some(Before {
                named: request.services.clone(),
                generations: running
                    .map(|(_, it)| (it.id.clone(), it.generation))
                    .collect(),
                some_are_over: false,
            })
        } else {
            None
        };
        Ok(Self {
            client,
            request: request.clone(),
            tries: 0,
            over: 0,
            restart,
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

    /// The supervisor died over it, with this error: ask again for what is not done.
    pub(super) async fn resume(
        &mut self,
        error: ClientError,
    ) -> Result<Lines<Progress>, ClientError> {
        self.prepare(error).await?;
        self.ask().await
    }

    /// A part of it is done. Ask for what is left, if there is anything.
    pub(super) async fn rest(&mut self) -> Result<Option<Lines<Progress>>, ClientError> {
        let Some(restart) = &mut self.restart else {
            return Ok(None);
        };
        if !std::mem::take(&mut restart.some_are_over) {
            return Ok(None);
        }
        self.request.services.clone_from(&restart.named);
        self.request.kind = OperationKind::Start;
        self.ask().await.map(Some)
    }

    /// Whether it was asked for again.
    pub(super) fn was_resumed(&self) -> bool {
        self.tries > 0
    }

    /// How many services a supervisor had restarted before it died.
    pub(super) fn over(&self) -> usize {
        self.over
    }

    /// Make the request one for what is left of it. The error comes back if it may not be asked for again.
    async fn prepare(&mut self, error: ClientError) -> Result<(), ClientError> {
        let goes_back_by_one =
            self.request.kind == OperationKind::Rollback && self.request.options.back_to.is_none();
        if self.tries == TRIES || goes_back_by_one {
            return Err(error);
        }
        self.tries += 1;
        sleep(DYING).await;
        let Some(restart) = &mut self.restart else {
            return Ok(());
        };
        let status = settled(self.client, &restart.named).await?;
        let is_left = |it: &InstanceStatus| {
            runs(it) && restart.generations.get(&it.id) == Some(&it.generation)
        };
        let left: HashSet<&str> = instances(&status, &restart.named)
            .filter(|(_, it)| is_left(it))
            .map(|(service, _)| service)
            .collect();
        let all: HashSet<&str> = instances(&status, &restart.named)
            .map(|(service, _)| service)
            .collect();
        self.over = all.len() - left.len();
        if left.is_empty() {
            self.request.services.clone_from(&restart.named);
            self.request.kind = OperationKind::Start;
            restart.some_are_over = false;
            return Ok(());
        }
        restart.some_are_over |= self.over > 0;
        // In the order of the status, so that the same is asked for in the same way.
        let services = status.services.iter().map(|service| &service.name);
        self.request.services = services
            .filter(|name| left.contains(name.as_str()))
            .cloned()
            .collect();
        self.request.kind = OperationKind::Restart;
        Ok(())
    }
}

/// The instances of these services, or of all if none are named, with their service.
fn instances<'s>(
    status: &'s Status,
    named: &[String],
) -> impl Iterator<Item = (&'s str, &'s InstanceStatus)> {
    let services = status.services.iter();
    services
        .filter(|service| named.is_empty() || named.contains(&service.name))
        .flat_map(|service| service.instances.iter().map(|it| (&*service.name, it)))
}

/// Whether a restart would have to end it first.
fn runs(instance: &InstanceStatus) -> bool {
    matches!(
        instance.state,
        State::Starting | State::Running | State::Updating | State::Degraded
    )
}

/// The status as soon as it is known of these services what runs.
async fn settled(client: &Client, named: &[String]) -> Result<Status, ClientError> {
    let begin = Instant::now();
    loop {
        let status = client.status().await?;
        let unknown = instances(&status, named).any(|(_, it)| it.state == State::Unknown);
        if !unknown || begin.elapsed() > UNKNOWN {
            return Ok(status);
        }
        sleep(Duration::from_millis(20)).await;
    }
}
