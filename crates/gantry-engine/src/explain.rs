//! Why a service is as it is: the chain of causes, each with its evidence, and what to do.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use gantry_api::{Cause, ErrorBody, ErrorCode, Explanation, NeededBy};
use gantry_core::{Failure, FailureKind, Hook, InstanceId, InstanceKey, ServiceKey, Stage};
use gantry_driver::{ChildName, LogFrom, LogRequest, Session};

use gantry_stack::template::{DOTS, Template};

use crate::definition::Role;
use crate::dispatcher::Dispatcher;
use crate::event_log::History;
use crate::wire;

/// How many events are told.
const EVENTS: usize = 20;

/// How many lines of output are told.
const TAIL: usize = 20;

/// How long reading them may take.
const READING: Duration = Duration::from_secs(2);

/// Where the output of an instance can be read.
pub(crate) struct Reader {
    session: Arc<dyn Session>,
    instance: InstanceId,
    child: Option<ChildName>,
}

impl Reader {
    /// Its last lines, oldest first. What cannot be read in time is left out.
    pub(crate) async fn read(&self, count: usize) -> Vec<String> {
        let mut lines = self.session.logs(LogRequest {
            instance: self.instance.clone(),
            child: self.child.clone(),
            from: LogFrom::Tail(count),
            follow: false,
        });
        let mut read = Vec::new();
        let reading = async {
            while let Some(Ok(record)) = lines.next().await {
                read.push(record.text);
            }
        };
        let _ = tokio::time::timeout(READING, reading).await;
        read
    }
}

/// An explanation, but for the last lines of output, which take waiting.
pub(crate) struct Draft {
    explanation: Explanation,
    tail_of: Option<Reader>,
}

impl Draft {
    /// The whole explanation.
    pub(crate) async fn finish(self) -> Explanation {
        let mut explanation = self.explanation;
        if let Some(reader) = self.tail_of {
            explanation.tail = reader.read(TAIL).await;
        }
        explanation
    }
}

impl Dispatcher {
    /// Why a service, or a part of one (`service/part`), is as it is.
    pub(crate) fn explain(&mut self, name: &str) -> Result<Draft, ErrorBody> {
        let (service, part) = match name.split_once('/') {
            Some((service, part)) => (service, Some(part)),
            None => (name, None),
        };
        let key = self.world.key(service).ok_or_else(|| no_service(service))?;
        let status = self
            .service_status(key)
            .ok_or_else(|| no_service(service))?;
        let part = match part {
            None => None,
            Some(part) => {
                let found = status.children.iter().find(|child| child.name == part);
                Some(found.cloned().ok_or_else(|| no_part(&status, part))?)
            }
        };
        let history = self.events.history();
        let causes = self.world.explain(key);
        let chain: Vec<Cause> = causes
            .iter()
            .filter_map(|cause| {
                let name = self.world.name(cause.service)?.to_string();
                let needed_by = cause.needed_by.and_then(|(by, condition)| {
                    Some(NeededBy {
                        service: self.world.name(by)?.to_string(),
                        part: cause.part.as_ref().map(ToString::to_string),
                        condition: condition.as_str().to_owned(),
                    })
                });
                let failure = cause.failure.as_ref();
                Some(Cause {
                    depth: cause.depth,
                    needed_by,
                    state: wire::state(cause.state),
                    ready: cause.ready,
                    message: cause.message.to_string(),
                    failure: failure
                        .map(|failure| self.told_failure(cause.service, failure, &history)),
                    service: name,
                })
            })
            .collect();
        let names: HashSet<&str> = chain.iter().map(|cause| cause.service.as_str()).collect();
        // Whose output says most: the last link, for it is the root.
        let root = causes.last().map_or(key, |cause| cause.service);
        let events = history.last_about(EVENTS, |name| names.contains(name));
        let mut tail_of = self.reader_of(root);
        let mut name_of = self.world.name(root).map(ToString::to_string);
        if let Some(part) = &part {
            tail_of = self.reader_of(key);
            if let Some(reader) = &mut tail_of {
                reader.child = Some(ChildName::new(&part.name));
            }
            name_of = Some(name.to_owned());
        }
        let explanation = Explanation {
            version: gantry_api::VERSION,
            service: status,
            chain,
            events,
            tail: Vec::new(),
            tail_of: name_of,
            part,
        };
        Ok(Draft {
            explanation,
            tail_of,
        })
    }

    /// Where the output of a service can be read: of the instance that failed, if one did.
    pub(crate) fn reader_of(&self, service: ServiceKey) -> Option<Reader> {
        let view = self.world.service(service)?;
        let failed = view.instances.iter().find(|instance| !instance.ready);
        let slot = failed.or(view.instances.first())?.key.slot;
        let target = self.target_of(service).ok()?;
        Some(Reader {
            instance: self.world.instance_id(InstanceKey { service, slot })?,
            child: None,
            session: Arc::clone(self.sessions.get(&target)?),
        })
    }

    /// A failure with what was tried, and what to do about it.
    pub(crate) fn told_failure(
        &self,
        service: ServiceKey,
        failure: &Failure,
        history: &History,
    ) -> gantry_api::Failure {
        let mut told = wire::failure(failure);
        let Some(name) = self.world.name(service) else {
            return told;
        };
        let name = name.as_str();
        told.hint = match failure.stage {
            Stage::Preflight | Stage::Update | Stage::Superseded => None,
            Stage::Start if failure.kind == FailureKind::Transient => Some(format!(
                "it lies with the machine; once mended, `gantry start {name}`"
            )),
            Stage::Start => Some(format!("mend its specification, then `gantry up {name}`")),
            Stage::Ready => Some(format!(
                "`gantry logs {name}` shows what it did; `start-timeout` says how long it may take"
            )),
            Stage::Run | Stage::CrashLoop | Stage::Live => Some(format!(
                "`gantry logs {name}` shows what it said; once mended, `gantry start {name}`"
            )),
            Stage::Stop => Some(format!("`gantry stop --force {name}` kills what is left")),
            Stage::Dependency => Some(format!("`gantry explain {name}` shows the chain")),
        };
        told.since = history.last_change(name);
        told.tried = match failure.stage {
            Stage::Ready | Stage::Live => self.asked_by_probes(service, failure.stage),
            Stage::Start | Stage::Run | Stage::CrashLoop => self.command_of(service, failure),
            _ => None,
        };
        told
    }

    /// What the probes ask that decide in this stage.
    fn asked_by_probes(&self, service: ServiceKey, stage: Stage) -> Option<String> {
        let view = self.world.service(service)?;
        let run = self.book.run(view.instances.first()?.key)?;
        let probes = run.prepared.as_ref()?.probes.iter();
        let asked = probes.filter(|it| (it.role == Role::Liveness) == (stage == Stage::Live));
        let asked: Vec<_> = asked.map(|it| it.check.what()).collect();
        (!asked.is_empty()).then(|| asked.join(", "))
    }

    /// The command of a mode that has one, as it is written: what is put in later may be secret.
    fn command_of(&self, service: ServiceKey, failure: &Failure) -> Option<String> {
        let definition = self.book.latest(service)?;
        let is_step = |hook: &Hook| failure.step.as_deref() == Some(&*hook.step());
        let command = match Hook::ALL.iter().find(|hook| is_step(hook)) {
            Some(hook) => definition
                .beside
                .value()
                .get("hooks")?
                .get(hook.as_str())?
                .clone(),
            None => definition.spec.value(),
        };
        let words = command.get("command")?.as_array()?;
        let words = words.iter().map(|word| {
            let template: Option<Template> = serde_json::from_value(word.clone()).ok();
            let text = template.map_or_else(|| DOTS.to_owned(), |it| it.to_string());
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_=/.,:+@%{}".contains(c);
            if !text.is_empty() && text.chars().all(plain) {
                text
            } else {
                format!("'{}'", text.replace('\'', "'\\''"))
            }
        });
        Some(words.collect::<Vec<_>>().join(" "))
    }
}

fn no_part(status: &gantry_api::ServiceStatus, part: &str) -> ErrorBody {
    let names: Vec<&str> = status.children.iter().map(|child| &*child.name).collect();
    ErrorBody {
        code: ErrorCode::NotFound,
        message: format!("{} has no part {part}", status.name),
        hint: (!names.is_empty()).then(|| format!("it has {}", names.join(", "))),
    }
}

pub(crate) fn no_service(name: &str) -> ErrorBody {
    ErrorBody {
        code: ErrorCode::NotFound,
        message: format!("there is no service {name}"),
        hint: None,
    }
}
