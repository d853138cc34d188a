//! Why a service is as it is: the chain of causes, each with its evidence, and what to do.

use std::collections::HashSet;
use std::sync::Arc;

use futures::StreamExt as _;
use gantry_api::{Cause, ErrorBody, ErrorCode, Explanation, NeededBy};
use gantry_core::{Failure, InstanceId, InstanceKey, ServiceKey, Stage};
use gantry_driver::{LogFrom, LogRequest, Session};

use crate::dispatcher::Dispatcher;
use crate::wire;

/// How many events are told.
const EVENTS: usize = 20;

/// How many lines of output are told.
const TAIL: usize = 20;

/// An explanation, but for the last lines of output, which take waiting.
pub(crate) struct Draft {
    explanation: Explanation,
    tail_of: Option<(Arc<dyn Session>, InstanceId)>,
}

impl Draft {
    /// The whole explanation.
    pub(crate) async fn finish(self) -> Explanation {
        let mut explanation = self.explanation;
        let Some((session, instance)) = self.tail_of else {
            return explanation;
        };
        let mut lines = session.logs(LogRequest {
            instance,
            child: None,
            from: LogFrom::Tail(TAIL),
            follow: false,
        });
        while let Some(Ok(record)) = lines.next().await {
            explanation.tail.push(record.text);
        }
        explanation
    }
}

impl Dispatcher {
    pub(crate) fn explain(&self, service: &str) -> Result<Draft, ErrorBody> {
        let key = self.world.key(service).ok_or_else(|| no_service(service))?;
        let status = self
            .service_status(key)
            .ok_or_else(|| no_service(service))?;
        let causes = self.world.explain(key);
        let chain: Vec<Cause> = causes
            .iter()
            .filter_map(|cause| {
                let name = self.world.name(cause.service)?.to_string();
                let needed_by = cause.needed_by.and_then(|(by, condition)| {
                    Some(NeededBy {
                        service: self.world.name(by)?.to_string(),
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
                    failure: failure.map(|failure| self.told_failure(cause.service, failure)),
                    service: name,
                })
            })
            .collect();
        let names: HashSet<&str> = chain.iter().map(|cause| cause.service.as_str()).collect();
        // Whose output says most: the last link, for it is the root.
        let root = causes.last().map_or(key, |cause| cause.service);
        let events = self.events.last_of(EVENTS, |event| {
            event
                .service
                .as_deref()
                .is_some_and(|name| names.contains(name))
        });
        let tail_of = self.reader_of(root);
        let explanation = Explanation {
            version: gantry_api::VERSION,
            service: status,
            chain,
            events,
            tail: Vec::new(),
            tail_of: self.world.name(root).map(ToString::to_string),
        };
        Ok(Draft {
            explanation,
            tail_of,
        })
    }

    /// Where the output of a service can be read: of the instance that failed, if one did.
    fn reader_of(&self, service: ServiceKey) -> Option<(Arc<dyn Session>, InstanceId)> {
        let view = self.world.service(service)?;
        let failed = view.instances.iter().find(|instance| !instance.ready);
        let slot = failed.or(view.instances.first())?.key.slot;
        let id = self.world.instance_id(InstanceKey { service, slot })?;
        let target = self.target_of(service).ok()?;
        let session = self.sessions.get(&target)?;
        Some((Arc::clone(session), id))
    }

    /// A failure with what was tried, and what to do about it.
    pub(crate) fn told_failure(
        &self,
        service: ServiceKey,
        failure: &Failure,
    ) -> gantry_api::Failure {
        let mut told = wire::failure(failure);
        let Some(name) = self.world.name(service) else {
            return told;
        };
        let name = name.as_str();
        told.hint = match failure.stage {
            Stage::Preflight => None,
            Stage::Start => Some(format!("mend its specification, then `gantry up {name}`")),
            Stage::Ready => Some(format!(
                "`gantry logs {name}` shows what it did; `start-timeout` says how long it may take"
            )),
            Stage::Run | Stage::CrashLoop | Stage::Live => Some(format!(
                "`gantry logs {name}` shows what it said; once mended, `gantry start {name}`"
            )),
            Stage::Update | Stage::Superseded => None,
            Stage::Stop => Some(format!("`gantry stop --force {name}` kills what is left")),
            Stage::Dependency => Some(format!("`gantry explain {name}` shows the chain")),
        };
        if failure.stage == Stage::Ready {
            let slots = self.world.service(service);
            let slot = slots.and_then(|view| view.instances.first().map(|it| it.key));
            let run = slot.and_then(|key| self.book.run(key));
            told.tried = run.and_then(|run| run.prepared.as_ref()).map(|prepared| {
                let probes = prepared.probes.iter();
                let probes = probes.filter(|it| it.role != crate::definition::Role::Liveness);
                probes
                    .map(|it| it.check.what())
                    .collect::<Vec<_>>()
                    .join(", ")
            });
        }
        told
    }
}

pub(crate) fn no_service(name: &str) -> ErrorBody {
    ErrorBody {
        code: ErrorCode::NotFound,
        message: format!("there is no service {name}"),
        hint: None,
    }
}
