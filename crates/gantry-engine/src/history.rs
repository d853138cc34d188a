//! What services have been in their backends, and the way back.
//!
//! Going back is an update: of one service, to a revision that its backend keeps, though nothing in its specification
//! differs. The stack file says what it said: the next `up` goes by that again.

use std::sync::Arc;

use gantry_api::{ErrorBody, ErrorCode, HistoryReport, OperationRequest, PastRevision};
use gantry_core::{Change, ChangeEffect, InstanceId, ServiceKey, ServiceName, Targets};
use gantry_driver::{Power, Session};

use crate::dispatcher::Dispatcher;
use crate::effects::reload::is_up;
use crate::explain::no_service;
use crate::plan_view::{Wanted, invalid};

/// Whoever knows the history of an instance.
pub(crate) struct Historian {
    session: Arc<dyn Session>,
    instance: InstanceId,
}

impl Historian {
    /// Asks.
    pub(crate) async fn tell(self) -> Result<HistoryReport, ErrorBody> {
        let Some(history) = self.session.as_history() else {
            return Err(invalid("its backend keeps no history"));
        };
        let revisions = history.history(&self.instance).await;
        let revisions = revisions.map_err(|error| ErrorBody {
            code: ErrorCode::Conflict,
            message: format!(
                "the history of service {} cannot be read: {error}",
                self.instance.service
            ),
            hint: None,
        })?;
        let revisions = revisions.into_iter().map(|one| PastRevision {
            number: one.number,
            state: one.state,
            current: one.current,
            worked: one.worked,
            at: one.at,
            of: one.of,
            app_version: one.app_version,
            description: one.description,
        });
        Ok(HistoryReport {
            service: self.instance.service.to_string(),
            revisions: revisions.collect(),
        })
    }
}

impl Dispatcher {
    /// Whoever knows the history of a service.
    pub(crate) fn historian(&self, service: &str) -> Result<Historian, ErrorBody> {
        let key = self.world.key(service).ok_or_else(|| no_service(service))?;
        let instance = self.with_history(key, service)?;
        let not_now = |why: String| ErrorBody {
            code: ErrorCode::Conflict,
            message: format!("the history of service {service} cannot be read: {why}"),
            hint: None,
        };
        let target = self.target_of(key).map_err(not_now)?;
        let session = self.sessions.get(&target).cloned();
        let session = session.ok_or_else(|| not_now("its backend is away".into()))?;
        Ok(Historian { session, instance })
    }

    /// What is taken over for a service that goes back: what is known, and that this one changes.
    pub(crate) fn going_back(
        &self,
        request: &OperationRequest,
    ) -> Result<(Wanted, ServiceName, u32), ErrorBody> {
        let [service] = request.services.as_slice() else {
            return Err(invalid("one service goes back at a time"));
        };
        let Some(number) = request.options.back_to else {
            return Err(invalid("`rollback` needs a revision"));
        };
        let key = self.world.key(service).ok_or_else(|| no_service(service))?;
        let name = self.with_history(key, service)?.service;
        let definitions = self.world.services().into_iter();
        let definitions = definitions.filter_map(|key| self.book.latest(key).cloned());
        let wanted = Wanted {
            stack: None,
            definitions: definitions.collect(),
            changes: vec![Change {
                service: name.clone(),
                effect: ChangeEffect::InPlace,
                fields: vec!["revision".into()],
                anew: true,
            }],
            targets: Targets::Named(vec![name.clone()]),
            given: None,
        };
        Ok((wanted, name, number))
    }

    /// The instance that runs of a service whose mode keeps a history.
    fn with_history(&self, key: ServiceKey, service: &str) -> Result<InstanceId, ErrorBody> {
        let definition = self.book.latest(key).ok_or_else(|| no_service(service))?;
        let mode = definition.mode();
        let driver = self.sessions.drivers.of(mode);
        if !driver.is_some_and(|it| it.capabilities().powers.contains(&Power::History)) {
            return Err(invalid(format!(
                "service {service} has no history: its mode {mode} keeps none"
            )));
        }
        let view = self.world.service(key);
        let up = view.and_then(|view| view.instances.into_iter().find(is_up));
        let instance = up.and_then(|up| self.world.instance_id(up.key));
        instance.ok_or_else(|| ErrorBody {
            code: ErrorCode::Conflict,
            message: format!("service {service} does not run"),
            hint: Some(format!("`gantry start {service}` starts it")),
        })
    }
}
