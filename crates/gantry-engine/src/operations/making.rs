//! What services are made from, such as an image of a folder: that may differ though nothing in the stack file does.
//!
//! Whether it does takes long to tell. So sessions are asked about what runs, and a plan, or an `up`, goes on when
//! they have answered.

use std::sync::Arc;

use gantry_api::{
    ErrorBody, OperationRequest, Outcome, Plan, PlanRequest, ResultWord, ServiceFailure,
};
use gantry_core::{Action, Change, ChangeEffect, Failure, InstanceId, OperationId, ServiceName};
use gantry_driver::{Make, Recorded, Session};
use smol_str::SmolStr;
use tokio::sync::oneshot;

use crate::dispatcher::{Dispatcher, Phase};
use crate::inbox::Incoming;
use crate::plan_view::Wanted;
use crate::wire;

/// What goes on when sessions have answered.
pub(crate) enum Next {
    /// A plan is told.
    Plan(oneshot::Sender<Result<Plan, ErrorBody>>),
    /// A model is taken over.
    Up(OperationId, Box<OperationRequest>),
}

/// What sessions have answered.
pub(crate) struct Compared {
    wanted: Wanted,
    found: Result<Vec<(InstanceId, SmolStr)>, (InstanceId, Failure)>,
    next: Next,
}

/// What one session is asked.
type Question = (Arc<dyn Session>, Vec<(InstanceId, Recorded)>);

/// When that is made which services are made from.
pub(super) fn make(request: &OperationRequest) -> Make {
    match request.options.build {
        None => Make::Needed,
        Some(true) => Make::Afresh,
        Some(false) => Make::Never,
    }
}

impl Dispatcher {
    /// Tell what an `up` would do.
    pub(crate) fn tell_plan(
        &mut self,
        request: &PlanRequest,
        reply: oneshot::Sender<Result<Plan, ErrorBody>>,
    ) {
        let asked = self.wanted(&request.model, &request.services, &request.given);
        let asked = asked.and_then(|wanted| {
            let steps = self.steps(&wanted)?;
            Ok((self.about_what_is_made(&steps, Make::Needed), wanted))
        });
        match asked {
            Ok((questions, wanted)) if !questions.is_empty() => {
                self.compare(questions, wanted, Make::Needed, Next::Plan(reply));
            }
            // Whoever asked may have gone in the meantime; then nobody wants the answer.
            Ok((_, wanted)) => drop(reply.send(self.plan(&wanted))),
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    /// What is to be asked about services that would go on as they are.
    pub(super) fn about_what_is_made(
        &self,
        steps: &[gantry_core::Step],
        make: Make,
    ) -> Vec<Question> {
        let mut questions: Vec<Question> = Vec::new();
        for step in steps.iter().filter(|step| step.action == Action::Keep) {
            let Some(key) = self.world.key(step.service.as_str()) else {
                continue;
            };
            let driver = self.book.latest(key);
            let driver = driver.and_then(|it| self.sessions.drivers.of(it.mode()));
            let Some(view) = self.world.service(key) else {
                continue;
            };
            let is_asked = driver.is_some_and(|driver| {
                let can = driver.capabilities();
                can.drifts || can.makes && make != Make::Never
            });
            if !is_asked {
                continue;
            }
            for instance in &view.instances {
                let run = self.book.run(instance.key).map(|run| run.revision);
                // What cannot be prepared now is not compared: it would not start, either.
                let prepared = run.and_then(|it| self.prepare(instance.key, it).ok());
                let Some(id) = self.world.instance_id(instance.key) else {
                    continue;
                };
                let Some((prepared, session)) = prepared.and_then(|it| {
                    let session = Arc::clone(self.sessions.get(&it.target)?);
                    Some((it, session))
                }) else {
                    continue;
                };
                let about = (id, prepared.recorded.clone());
                match questions
                    .iter_mut()
                    .find(|(other, _)| Arc::ptr_eq(other, &session))
                {
                    Some((_, all)) => all.push(about),
                    None => questions.push((session, vec![about])),
                }
            }
        }
        questions
    }

    pub(super) fn compare(&self, questions: Vec<Question>, wanted: Wanted, make: Make, next: Next) {
        let outbox = self.outbox.clone();
        tokio::spawn(async move {
            let asked = questions
                .into_iter()
                .map(|(session, about)| async move { session.outdated(about, make).await });
            let found = futures::future::try_join_all(asked).await;
            let found = found.map(|all| all.into_iter().flatten().collect());
            let compared = Compared {
                wanted,
                found,
                next,
            };
            let _ = outbox.send(Incoming::Compared(Box::new(compared)));
        });
    }

    /// Sessions have answered.
    pub(crate) fn compared(&mut self, compared: Compared) {
        let Compared {
            mut wanted,
            found,
            next,
        } = compared;
        // Meanwhile others may have changed what runs.
        wanted.changes = self.changes(&wanted.definitions);
        let found = found.map(|found| {
            for (instance, what) in found {
                let effect = self.effect_on(&instance.service);
                add(&mut wanted.changes, instance.service, effect, what);
            }
        });
        match next {
            Next::Plan(reply) => drop(reply.send(self.plan(&wanted))),
            Next::Up(id, _) if !self.operations.live.contains_key(&id) => {}
            Next::Up(id, _) if self.phase != Phase::Serving => {
                let mut outcome = Outcome::new(ResultWord::Refused);
                outcome.refusal = Some("the stack is going down".to_owned());
                self.end(id, outcome);
            }
            Next::Up(id, request) => match found {
                Ok(()) => match self.steps(&wanted) {
                    Ok(steps) => self.up(id, &request, wanted, &steps),
                    Err(error) => self.refuse(id, error),
                },
                Err((instance, failure)) => {
                    let mut outcome = Outcome::new(ResultWord::Failed);
                    outcome.failures.push(ServiceFailure {
                        state: self.state_of(&instance.service),
                        service: instance.service.to_string(),
                        failure: wire::failure(&failure),
                    });
                    self.end(id, outcome);
                }
            },
        }
    }

    /// What it takes to bring a service to what it should be: what drifts in its backend is changed back there.
    fn effect_on(&self, name: &ServiceName) -> ChangeEffect {
        let key = self.world.key(name.as_str());
        let driver = key.and_then(|key| self.book.latest(key));
        let driver = driver.and_then(|it| self.sessions.drivers.of(it.mode()));
        if driver.is_some_and(|driver| driver.capabilities().drifts) {
            ChangeEffect::InPlace
        } else {
            ChangeEffect::Recreate
        }
    }

    fn state_of(&self, name: &ServiceName) -> gantry_api::State {
        let key = self.world.key(name.as_str());
        let view = key.and_then(|key| self.world.service(key));
        view.map(|view| wire::state(view.state)).unwrap_or_default()
    }
}

/// Adds what is made from something else by now, or was changed by others, each service once.
fn add(changes: &mut Vec<Change>, service: ServiceName, effect: ChangeEffect, what: SmolStr) {
    match changes.iter_mut().find(|change| change.service == service) {
        Some(change) if change.anew => {}
        Some(change) => {
            (change.anew, change.effect) = (true, effect);
            change.fields = vec![what];
        }
        None => changes.push(Change {
            service,
            effect,
            fields: vec![what],
            anew: true,
        }),
    }
}
