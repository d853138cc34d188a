//! What still runs of a stack whose plan was lost.
//!
//! A new supervisor learns from `plan.json` what the stack is. If somebody has damaged that file, the
//! backends still know what they run for us, and nothing of it may be forgotten: such *strays* are
//! told by `status`, the next `up` takes over those that its model names and stops the others, and
//! `down` stops them all.

use std::sync::Arc;
use std::time::Duration;

use gantry_core::{EffectId, InstanceId, StopHow};
use gantry_driver::{Observed, ObservedState, Session, StopRequest};

use crate::dispatcher::Dispatcher;

/// How often a backend is asked whether its strays have gone. Their ends come as events too, but
/// nobody knows the instances by which these would be found.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How long strays may resist before the stack is called down without them, which is told.
const LIMIT: Duration = Duration::from_secs(30);

impl Dispatcher {
    /// Ask the open sessions what runs that the world does not know. Called when there was no plan.
    pub(crate) async fn look_for_strays(&mut self) {
        let mut found = Vec::new();
        for (_, session) in self.sessions.all() {
            // One that cannot be reached is asked again before the stack is called down.
            let observed = session.observe().await.unwrap_or_default();
            found.extend(observed.into_iter().filter(|one| runs(&one.state)));
        }
        self.strays = found.into_iter().map(|one| one.instance).collect();
        if !self.strays.is_empty() {
            let names = self.stray_names().join(", ");
            self.note(
                None,
                format!("the plan of this stack was lost, and {names} still run: `gantry up` takes them over, `gantry down` stops them"),
            );
        }
    }

    /// The strays, as `status` names them.
    pub(crate) fn stray_names(&self) -> Vec<String> {
        self.strays.iter().map(ToString::to_string).collect()
    }

    /// There is a model again: what it names was taken over, and the rest is stopped.
    pub(crate) fn claim_strays(&mut self) {
        let strays = std::mem::take(&mut self.strays);
        let foreign: Vec<_> = strays
            .into_iter()
            .filter(|id| self.key_of(id).is_none())
            .collect();
        if foreign.is_empty() {
            return;
        }
        for (_, session) in self.sessions.all() {
            let foreign = foreign.clone();
            tokio::spawn(async move { end(session, |id| foreign.contains(id)).await });
        }
    }
}

/// Stop what runs in a backend, of what is asked for, and wait until it has gone. Gives what is left.
pub(crate) async fn end(
    session: Arc<dyn Session>,
    which: impl Fn(&InstanceId) -> bool,
) -> Vec<InstanceId> {
    let mut asked = false;
    let look = async {
        loop {
            let left = remaining(&session, &which).await;
            if left.is_empty() {
                return;
            }
            if !asked {
                asked = true;
                session.stop(requests(&left));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    if tokio::time::timeout(LIMIT, look).await.is_ok() {
        return Vec::new();
    }
    let left = remaining(&session, &which).await;
    left.into_iter().map(|one| one.instance).collect()
}

async fn remaining(
    session: &Arc<dyn Session>,
    which: impl Fn(&InstanceId) -> bool,
) -> Vec<Observed> {
    let observed = session.observe().await.unwrap_or_default();
    observed
        .into_iter()
        .filter(|one| runs(&one.state) && which(&one.instance))
        .collect()
}

/// Effects count from 1, so these are nobody's, and their ends are ignored.
fn requests(strays: &[Observed]) -> Vec<StopRequest> {
    (0..)
        .zip(strays)
        .map(|(number, stray)| StopRequest {
            effect: EffectId(u64::MAX - number),
            instance: stray.instance.clone(),
            generation: stray.generation,
            how: StopHow::Graceful,
            from: None,
        })
        .collect()
}

/// Whether anything of it is alive.
fn runs(state: &ObservedState) -> bool {
    match state {
        ObservedState::Running { .. } | ObservedState::Stopping { .. } => true,
        ObservedState::Exited { left, .. } => *left,
        ObservedState::Stopped { .. } | ObservedState::Failed { .. } => false,
    }
}
