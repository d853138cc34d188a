//! What is looked at before anything is started.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use gantry_api::{Outcome, PreflightFailure, Progress, ResultWord};
use gantry_core::{Event, InstanceId, OperationId, ServiceName};
use gantry_driver::{ChildName, Described, DriverError, HostJobs, Make, Need, Session, Target};

use super::Then;
use crate::definition::{Definition, ForeignConflict};
use crate::dispatcher::Dispatcher;
use crate::inbox::Incoming;
use crate::preflight::{Finding, Question, Registry, Subject, Surroundings};
use crate::resolve::{Others, Resolved, by_name};

/// What came of opening a session.
type Opened = Result<Arc<dyn Session>, DriverError>;

/// The answers.
pub(crate) struct Checked {
    operation: OperationId,
    findings: Vec<Finding>,
    /// Sessions that were opened meanwhile.
    opened: Vec<(Target, Opened)>,
    then: Then,
}

impl Dispatcher {
    /// Look, and open the sessions that will be needed; the answer comes as [`Incoming::Checked`].
    pub(super) fn check(
        &mut self,
        operation: OperationId,
        starting: &[Arc<Definition>],
        all: &[Arc<Definition>],
        then: Then,
    ) {
        let questions = self.questions(starting, all);
        let drivers = self.sessions.drivers.clone();
        let around = Surroundings {
            path: self
                .sessions
                .environment
                .get("PATH")
                .cloned()
                .unwrap_or_default(),
            drivers: drivers.all(),
            stack: self.sessions.stack.clone(),
            host: Arc::clone(&self.sessions.host) as Arc<dyn HostJobs>,
        };
        let targets: HashSet<Target> = starting
            .iter()
            .filter_map(|definition| self.sessions.target(definition).ok())
            .chain(self.sessions.host_target())
            .filter(|target| self.sessions.get(target).is_none())
            .collect();
        let openers: Vec<_> = targets
            .into_iter()
            .map(|target| {
                (
                    self.sessions.opener(&target, self.journal.handles()),
                    target,
                )
            })
            .collect();
        let outbox = self.outbox.clone();
        tokio::spawn(async move {
            let findings = Registry::standard().run(&questions, &around).await;
            let mut opened = Vec::new();
            if findings.is_empty() {
                for (opener, target) in openers {
                    opened.push((target, opener.await));
                }
            }
            let checked = Checked {
                operation,
                findings,
                opened,
                then,
            };
            let _ = outbox.send(Incoming::Checked(Box::new(checked)));
        });
    }

    fn questions(&self, starting: &[Arc<Definition>], all: &[Arc<Definition>]) -> Vec<Question> {
        let mut questions = Vec::new();
        let mut resolved: Vec<(&Arc<Definition>, Resolved)> = Vec::new();
        let all = by_name(all);
        for definition in starting {
            let instance = InstanceId::new(definition.name().clone(), 0);
            // What cannot be resolved now fails at its start, and says what it lacks.
            if let Ok(found) = self.resolve(definition, &instance, Others::New(&all)) {
                resolved.push((definition, found));
            }
        }
        let begin: HashSet<&str> = starting.iter().map(|it| it.name().as_str()).collect();
        let runs = |name: &ServiceName| {
            let key = self.world.key(name.as_str());
            let view = key.and_then(|key| self.world.service(key));
            view.is_some_and(|view| view.instances.iter().any(|it| it.pid.is_some()))
        };
        for mode in self.sessions.drivers.modes() {
            let of_mode = resolved.iter().filter(|(it, _)| *it.mode() == mode);
            let described: Vec<(ServiceName, Described<'_>)> = of_mode
                .clone()
                .map(|(definition, resolved)| {
                    let described = Described {
                        spec: &resolved.spec,
                        settings: &resolved.settings,
                        follows: follows(definition, &begin, &all),
                    };
                    (definition.name().clone(), described)
                })
                .collect();
            let Some(driver) = self.sessions.drivers.of(&mode) else {
                continue;
            };
            for needed in driver.prerequisites(&described) {
                // What it listens at already, it has by right.
                if matches!(needed.need, Need::Listen { .. }) && needed.services.iter().any(runs) {
                    continue;
                }
                questions.push(Question {
                    services: needed.services,
                    subject: Subject::Need(needed.need),
                    // Of the others, what is missing says enough.
                    place: Some(needed.field).filter(|field| field == "stop.command"),
                    advisory: needed.advisory,
                });
            }
            for (name, described) in &described {
                let never = self.making.get(name) == Some(&Make::Never);
                let need = never.then(|| driver.made(name, *described)).flatten();
                questions.extend(need.map(|need| Question {
                    services: vec![name.clone()],
                    subject: Subject::Need(need),
                    place: None,
                    advisory: false,
                }));
            }
            for ((definition, resolved), (_, described)) in of_mode.zip(&described) {
                let beside = resolved.beside.programs();
                questions.extend(beside.filter_map(|(place, program)| {
                    Some(Question {
                        services: vec![definition.name().clone()],
                        subject: Subject::Need(driver.beside(*described, program)?),
                        place: Some(place),
                        advisory: false,
                    })
                }));
            }
        }
        self.part_questions(starting, &all, &mut questions);
        for (definition, _) in &resolved {
            self.port_questions(definition, &mut questions);
            for conflict in &definition.foreign_conflicts {
                let subject = match conflict {
                    ForeignConflict::Process(name) => Subject::ConflictingProcess(name.to_string()),
                    ForeignConflict::Port(port) => Subject::ConflictingPort(*port),
                };
                questions.push(Question {
                    services: vec![definition.name().clone()],
                    subject,
                    place: None,
                    advisory: false,
                });
            }
        }
        questions
    }

    /// Parts of services that others wait for must be among those that these will have.
    fn part_questions(
        &self,
        starting: &[Arc<Definition>],
        all: &HashMap<&str, &Arc<Definition>>,
        questions: &mut Vec<Question>,
    ) {
        for definition in starting {
            for edge in &definition.core.depends_on {
                let (Some(part), Some(on)) = (&edge.part, all.get(edge.on.as_str())) else {
                    continue;
                };
                let instance = InstanceId::new(edge.on.clone(), 0);
                let found = self.resolve(on, &instance, Others::New(all));
                let driver = self.sessions.drivers.of(on.mode());
                let (Some(driver), Ok(found)) = (driver, found) else {
                    continue;
                };
                let described = Described {
                    spec: &found.spec,
                    settings: &found.settings,
                    follows: false,
                };
                if let Some(need) = driver.part(&edge.on, described, &ChildName::new(part)) {
                    questions.push(Question {
                        services: vec![definition.name().clone()],
                        subject: Subject::Need(need),
                        place: Some("depends-on".into()),
                        advisory: false,
                    });
                }
            }
        }
    }

    /// Ports that are written in the file must be free, unless the service itself has them now.
    fn port_questions(&self, definition: &Definition, questions: &mut Vec<Question>) {
        let driver = self.sessions.drivers.of(definition.mode());
        if !driver.is_some_and(|driver| driver.capabilities().local_ports) {
            return;
        }
        let key = self.world.key(definition.name().as_str());
        let runs = key.and_then(|key| self.world.service(key));
        let runs = runs.is_some_and(|view| view.instances.iter().any(|it| it.pid.is_some()));
        let old = key.and_then(|key| self.book.latest(key)).filter(|_| runs);
        for (name, port) in definition
            .host_ports()
            .iter()
            .filter(|(_, port)| **port != 0)
        {
            if old.is_some_and(|old| old.host_ports().values().any(|other| other == port)) {
                continue;
            }
            questions.push(Question {
                services: vec![definition.name().clone()],
                subject: Subject::Port {
                    name: name.to_string(),
                    number: *port,
                },
                place: None,
                advisory: false,
            });
        }
    }

    /// The answers are there.
    pub(crate) fn checked(&mut self, checked: Checked) {
        let Checked {
            operation: id,
            findings,
            opened,
            then,
        } = checked;
        let (warnings, findings): (Vec<Finding>, Vec<Finding>) =
            findings.into_iter().partition(|finding| finding.advisory);
        if let Some(operation) = self.operations.live.get(&id) {
            for finding in &warnings {
                operation.send(Progress::Note {
                    message: finding.warning(),
                });
            }
        }
        let mut failures: Vec<PreflightFailure> =
            findings.iter().flat_map(Finding::failures).collect();
        for (target, result) in opened {
            match result {
                Ok(session) => self.sessions.put(target, session),
                Err(error) => failures.push(PreflightFailure {
                    service: None,
                    check: "backend".into(),
                    message: format!("{target} cannot be reached: {error}"),
                    hint: None,
                }),
            }
        }
        if !failures.is_empty() {
            if let Some(operation) = self.operations.live.get(&id) {
                for failure in &failures {
                    operation.send(Progress::Preflight {
                        failure: failure.clone(),
                    });
                }
            }
            let mut outcome = Outcome::new(ResultWord::Preflight);
            outcome.preflight = failures;
            self.end(id, outcome);
            return;
        }
        let timeout = self.operations.live.get(&id).and_then(|it| it.timeout);
        self.begun = true;
        match then {
            Then::Command(command) => self.queue.push_back(Event::Command {
                operation: id,
                command,
                timeout,
            }),
            Then::Model(wanted) => self.take_over(id, *wanted, timeout),
        }
    }
}

/// Whether something that begins now comes before a service.
fn follows(
    definition: &Definition,
    begin: &HashSet<&str>,
    all: &HashMap<&str, &Arc<Definition>>,
) -> bool {
    let mut open = vec![definition];
    let mut seen: HashSet<&str> = HashSet::new();
    while let Some(next) = open.pop() {
        for edge in &next.core.depends_on {
            let Some(on) = all.get(edge.on.as_str()) else {
                continue;
            };
            if begin.contains(on.name().as_str()) {
                return true;
            }
            if seen.insert(on.name().as_str()) {
                open.push(on);
            }
        }
    }
    false
}
