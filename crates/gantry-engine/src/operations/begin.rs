//! Taking an operation on.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use gantry_api::{
    ErrorBody, ErrorCode, OperationKind, OperationRequest, Outcome, Progress, ResultWord, Step,
};
use gantry_core::{
    Action, Command, Desired, Event, InstanceKey, Millis, OperationId, ServiceKey, ServiceName,
    StopHow,
};
use gantry_driver::{Discard, Make};
use tokio::sync::mpsc::UnboundedReceiver;

use super::Then;
use super::making::{self, Next};
use crate::definition::Definition;
use crate::dispatcher::{Dispatcher, Phase};
use crate::explain::no_service;
use crate::plan_view::{Wanted, invalid, names};
use crate::resolve::{ByName, Others, by_name};
use crate::wire;

impl Dispatcher {
    pub(crate) fn operate(
        &mut self,
        request: &OperationRequest,
    ) -> Result<UnboundedReceiver<Progress>, ErrorBody> {
        if self.phase != Phase::Serving {
            return Err(ErrorBody {
                code: ErrorCode::Leaving,
                message: "the stack is going down".into(),
                hint: None,
            });
        }
        if request.version != gantry_api::VERSION {
            return Err(ErrorBody {
                code: ErrorCode::Version,
                message: format!(
                    "the request is of version {}, this supervisor speaks {}",
                    request.version,
                    gantry_api::VERSION
                ),
                hint: Some("`gantry down` with the version that brought the stack up".into()),
            });
        }
        match request.kind {
            OperationKind::Up => match &request.model {
                Some(model) => {
                    let wanted = self.wanted(model, &request.services, &request.given)?;
                    let steps = self.steps(&wanted)?;
                    let make = making::make(request);
                    let questions = self.about_what_is_made(&steps, make);
                    let (id, progress) = self.enter(OperationKind::Up, request.options.foreground);
                    if questions.is_empty() {
                        self.up(id, request, wanted, &steps);
                    } else {
                        let next = Next::Up(id, Box::new(request.clone()));
                        self.compare(questions, wanted, make, next);
                    }
                    Ok(progress)
                }
                None if request.options.foreground => Ok(self.hold()),
                None => Err(invalid("`up` needs the model of the stack")),
            },
            OperationKind::Rollback => {
                let (wanted, name, number) = self.going_back(request)?;
                let steps = self.steps(&wanted)?;
                let (id, progress) = self.enter(OperationKind::Rollback, false);
                self.backs.insert(name, number);
                self.up(id, request, wanted, &steps);
                Ok(progress)
            }
            OperationKind::Down => {
                let how = how(request.options.force);
                let options = &request.options;
                self.discard.add(Discard {
                    images: options.purge || options.images,
                    volumes: options.purge || options.volumes,
                });
                Ok(self.command(request, Command::Down { how }, &self.all_names()))
            }
            OperationKind::Stop => {
                let services = self.asked(&request.services, |_| true)?;
                let everything = request.services.is_empty();
                let command = Command::Stop {
                    services: services.clone(),
                    cascade: request.options.cascade || everything,
                    force: request.options.force,
                    how: StopHow::Graceful,
                };
                Ok(self.command(request, command, &services))
            }
            OperationKind::Start => {
                let services = self.asked(&request.services, |it| it.core.auto_start)?;
                let command = Command::Start {
                    services: services.clone(),
                    done: self.further_than(&request.options.seen),
                };
                Ok(self.command(request, command, &services))
            }
            OperationKind::Restart => {
                let services = self.asked(&request.services, |_| true)?;
                let everything = request.services.is_empty();
                let services = if everything {
                    let wanted = services.into_iter();
                    wanted.filter(|name| self.is_wanted(name)).collect()
                } else {
                    services
                };
                let command = Command::Restart {
                    services: services.clone(),
                    cascade: request.options.cascade,
                    done: self.further_than(&request.options.seen),
                };
                Ok(self.command(request, command, &services))
            }
        }
    }

    /// The instances that have been started since they were seen.
    fn further_than(&self, seen: &BTreeMap<String, u32>) -> BTreeSet<InstanceKey> {
        let further = |(id, generation): (&String, &u32)| {
            let at = self.key_of(&id.parse().ok()?)?;
            let view = self.world.instance(at)?;
            (view.generation.0 > *generation).then_some(at)
        };
        seen.iter().filter_map(further).collect()
    }

    /// Take a model over, for an operation that was entered.
    pub(super) fn up(
        &mut self,
        id: OperationId,
        request: &OperationRequest,
        wanted: Wanted,
        steps: &[gantry_core::Step],
    ) {
        let told: Vec<Step> = steps.iter().map(wire::step).collect();
        let services: Vec<String> = steps.iter().map(|step| step.service.to_string()).collect();
        self.begun(id, request, told, services);
        if let Some(refusal) = self.not_built_in(&wanted, steps) {
            return self.refuse(id, refusal);
        }
        if request.options.dry_run {
            return self.end(id, Outcome::new(ResultWord::Done));
        }
        self.note_making(making::make(request), steps, &wanted);
        if request.kind == OperationKind::Up {
            // Whoever was to go back, and has not, goes by the file again.
            self.backs
                .retain(|name, _| steps.iter().all(|step| step.service != *name));
        }
        if let Some(stack) = &wanted.stack {
            self.take_identity(stack);
        }
        if let Some(given) = &wanted.given {
            self.secrets.give(given.clone());
        }
        let definitions: Vec<_> = wanted.definitions.clone();
        if let Err(error) = self.ports.draw(definitions.iter().map(AsRef::as_ref)) {
            let mut outcome = Outcome::new(ResultWord::Failed);
            outcome.refusal = Some(error.to_string());
            return self.end(id, outcome);
        }
        let named = by_name(&definitions);
        // What goes back does not need what the file says now.
        let changes = request.kind == OperationKind::Up;
        let starting: Vec<_> = steps
            .iter()
            .filter(|step| match step.action {
                Action::Start | Action::Restart | Action::Recreate => true,
                Action::Update => changes,
                _ => false,
            })
            .filter_map(|step| named.get(step.service.as_str()).copied().cloned())
            .collect();
        self.check(id, &starting, &definitions, Then::Model(Box::new(wanted)));
        if !request.options.wait {
            self.operations_end_early(id);
        }
    }

    pub(super) fn refuse(&mut self, id: OperationId, refusal: ErrorBody) {
        let mut outcome = Outcome::new(ResultWord::Refused);
        outcome.exit_code = 2;
        outcome.refusal = Some(refusal.message);
        outcome.hint = refusal.hint;
        self.end(id, outcome);
    }

    /// Keeps in mind when that is made which these services are made from. Of those that were looked at it is made.
    fn note_making(&mut self, make: Make, steps: &[gantry_core::Step], wanted: &Wanted) {
        for step in steps {
            let anew = wanted
                .changes
                .iter()
                .any(|change| change.anew && change.service == step.service);
            let begins = matches!(
                step.action,
                Action::Start | Action::Restart | Action::Recreate
            );
            let is_done = make == Make::Afresh && (anew || !begins);
            if make == Make::Needed || is_done {
                self.making.remove(&step.service);
            } else {
                self.making.insert(step.service.clone(), make);
            }
        }
    }

    /// The stack goes down with this client; nothing else changes.
    fn hold(&mut self) -> UnboundedReceiver<Progress> {
        let (id, progress) = self.enter(OperationKind::Up, true);
        if let Some(operation) = self.operations.live.get(&id) {
            operation.send(Progress::Begun {
                operation: id.0,
                steps: Vec::new(),
                services: Vec::new(),
            });
        }
        self.end(id, Outcome::new(ResultWord::Done));
        self.save_now();
        progress
    }

    /// A command to services that are known.
    fn command(
        &mut self,
        request: &OperationRequest,
        command: Command,
        services: &[ServiceName],
    ) -> UnboundedReceiver<Progress> {
        let (id, progress) = self.enter(request.kind, false);
        let starts = matches!(command, Command::Start { .. } | Command::Restart { .. });
        let cascade = request.options.cascade;
        let steps = self.command_steps(request.kind, services, cascade);
        let mut names: Vec<String> = steps.iter().map(|step| step.service.clone()).collect();
        let known: HashSet<&str> = steps.iter().map(|step| step.service.as_str()).collect();
        let others = services
            .iter()
            .filter(|name| !known.contains(name.as_str()));
        names.extend(others.map(ToString::to_string));
        self.begun(id, request, steps, names);
        if request.options.dry_run {
            self.end(id, Outcome::new(ResultWord::Done));
            return progress;
        }
        if starts {
            let starting: Vec<_> = services
                .iter()
                .filter_map(|name| self.world.key(name.as_str()))
                .filter_map(|key| self.book.latest(key).cloned())
                .collect();
            let all: Vec<_> = self.book.all().map(|(_, it)| it.clone()).collect();
            self.check(id, &starting, &all, Then::Command(command));
        } else {
            let timeout = self.operations.live.get(&id).and_then(|it| it.timeout);
            self.queue.push_back(Event::Command {
                operation: id,
                command,
                timeout,
            });
        }
        if !request.options.wait {
            self.operations_end_early(id);
        }
        progress
    }

    fn begun(
        &mut self,
        id: OperationId,
        request: &OperationRequest,
        steps: Vec<Step>,
        services: Vec<String>,
    ) {
        if let Some(operation) = self.operations.live.get_mut(&id) {
            operation.services = services.iter().cloned().collect();
            operation.timeout = request.options.timeout_ms.map(Millis);
            operation.send(Progress::Begun {
                operation: id.0,
                steps,
                services,
            });
        }
        if !request.options.dry_run {
            let what = if request.services.is_empty() {
                request.kind.as_str().to_owned()
            } else {
                format!("{} {}", request.kind.as_str(), request.services.join(" "))
            };
            self.tell_begin(id, request.kind, what);
        }
    }

    /// What of a plan this build cannot do.
    fn not_built_in(&self, wanted: &Wanted, steps: &[gantry_core::Step]) -> Option<ErrorBody> {
        let named = by_name(&wanted.definitions);
        for step in steps {
            let Some(definition) = named.get(step.service.as_str()) else {
                continue;
            };
            let name = definition.name();
            let Some(driver) = self.sessions.drivers.of(definition.mode()) else {
                let modes = self.sessions.drivers.modes();
                let modes: Vec<_> = modes.iter().map(ToString::to_string).collect();
                let mut error = invalid(format!(
                    "the mode {} of service {name} is not built in",
                    definition.mode()
                ));
                error.hint = Some(format!("built in: {}", modes.join(", ")));
                return Some(error);
            };
            let told = definition.probes.iter().find(|probe| {
                let mut kinds = gantry_probe::Kind::ALL.into_iter();
                kinds.any(|kind| kind.is_told() && kind.as_str() == probe.kind)
            });
            if let Some(probe) = told.filter(|_| !driver.capabilities().voice) {
                return Some(invalid(format!(
                    "the {} probe of service {name} waits for what it says by `{}`, which the mode {} \
                     has no means for",
                    probe.role.as_str(),
                    probe.kind,
                    definition.mode()
                )));
            }
            if let Some(Err(error)) = self.checked_spec(driver.as_ref(), definition, &named) {
                return Some(invalid(format!("service {name}: {error}")));
            }
        }
        None
    }

    /// Whether a driver can read a specification. None if it cannot be resolved yet.
    fn checked_spec(
        &self,
        driver: &dyn gantry_driver::Driver,
        definition: &Definition,
        others: &ByName<'_>,
    ) -> Option<Result<(), gantry_driver::SpecError>> {
        let instance = gantry_core::InstanceId::new(definition.name().clone(), 0);
        let others = Others::New(others);
        let resolved = self.resolve(definition, &instance, others).ok()?;
        Some(driver.check(&resolved.spec))
    }

    fn asked(
        &self,
        services: &[String],
        bare: impl Fn(&Definition) -> bool,
    ) -> Result<Vec<ServiceName>, ErrorBody> {
        if services.is_empty() {
            let keys = self.world.services().into_iter();
            let known = keys.filter_map(|key| self.book.latest(key));
            let chosen = known.filter(|definition| bare(definition));
            return Ok(chosen.map(|definition| definition.name().clone()).collect());
        }
        for name in services {
            self.world.key(name).ok_or_else(|| no_service(name))?;
        }
        names(services)
    }

    fn all_names(&self) -> Vec<ServiceName> {
        let keys: Vec<ServiceKey> = self.world.services();
        let names = keys.into_iter().filter_map(|key| self.world.name(key));
        names.cloned().collect()
    }

    fn is_wanted(&self, name: &ServiceName) -> bool {
        let key = self.world.key(name.as_str());
        key.and_then(|key| self.world.desired(key)) == Some(Desired::Running)
    }
}

fn how(force: bool) -> StopHow {
    if force {
        StopHow::Kill
    } else {
        StopHow::Graceful
    }
}
