//! Telling instances to read their configuration again.
//!
//! | asked for | answer |
//! |---|---|
//! | no service by name | all that run and have a `reload`; refused if there is none, since nothing would be done |
//! | a service without `reload` | refused as a whole, before anyone is told |
//! | a service of which nothing runs | refused as a whole: its next start reads the configuration anyway |
//!
//! What runs is told by the newest `reload` of the file, also if it was started from an older one.
//! Afterwards its probes are asked at once: a configuration that broke it shows now, not after an
//! interval.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, join_all};
use gantry_api::{ErrorBody, ErrorCode, EventKind, ReloadReport, ReloadRequest, Reloaded};
use gantry_core::{Generation, InstanceId, InstanceKey, InstanceView, ServiceKey, ServiceState};
use gantry_driver::{DriverError, JobPlace, JobRequest, Session};
use tokio::sync::oneshot;

use crate::beside::Reload;
use crate::dispatcher::Dispatcher;
use crate::inbox::Incoming;
use crate::plan_view::invalid;
use crate::resolve::Unprepared;

/// How much of a command's output is kept: its last line is told when it fails.
const CAPTURE: u64 = 4096;

/// How long a signal may take to be sent, which waits for nothing but the backend.
const SIGNAL_LIMIT: Duration = Duration::from_secs(5);

/// One instance to be told.
struct Telling {
    key: InstanceKey,
    id: InstanceId,
    how: String,
    done: BoxFuture<'static, Result<(), String>>,
}

impl Dispatcher {
    /// Tells these services, and answers when all have been told.
    pub(crate) fn reload(
        &mut self,
        request: &ReloadRequest,
        reply: oneshot::Sender<Result<ReloadReport, ErrorBody>>,
    ) {
        let tellings = match self.tellings(&request.services) {
            Ok(tellings) => tellings,
            Err(error) => {
                // Whoever asked may have gone.
                let _ = reply.send(Err(error));
                return;
            }
        };
        let outbox = self.outbox.clone();
        tokio::spawn(async move {
            let all = tellings.into_iter().map(|telling| {
                let outbox = outbox.clone();
                async move {
                    let begun = Instant::now();
                    let error = telling.done.await.err();
                    let took = begun.elapsed().as_millis();
                    let report = Reloaded {
                        id: telling.id.to_string(),
                        service: telling.id.service.to_string(),
                        how: telling.how,
                        error,
                        duration_ms: u64::try_from(took).unwrap_or(u64::MAX),
                    };
                    let _ = outbox.send(Incoming::Reloaded {
                        instance: telling.key,
                        report: report.clone(),
                    });
                    report
                }
            });
            let instances = join_all(all).await;
            let _ = reply.send(Ok(ReloadReport { instances }));
        });
    }

    /// One instance was told.
    pub(crate) fn reloaded(&mut self, instance: InstanceKey, report: Reloaded) {
        let message = match &report.error {
            None => format!("by {}", report.how),
            Some(error) => format!("by {}: failed: {error}", report.how),
        };
        let mut event = self.event(EventKind::Reload, message);
        event.service = Some(report.service);
        event.instance = Some(report.id);
        self.events.append(event);
        self.probes.ask_now(instance);
    }

    fn tellings(&mut self, names: &[String]) -> Result<Vec<Telling>, ErrorBody> {
        let mut services = Vec::new();
        for name in names {
            let key = self.world.key(name).ok_or_else(|| ErrorBody {
                code: ErrorCode::NotFound,
                message: format!("there is no service {name}"),
                hint: None,
            })?;
            if self.reload_of(key).is_none() {
                let mut error = invalid(format!("service {name} has no `reload`"));
                error.hint = Some(
                    "say how in the stack file, such as reload = { signal = \"HUP\" }, \
                     then `gantry up -d`; or `gantry restart` it"
                        .into(),
                );
                return Err(error);
            }
            if !self.runs(key) {
                return Err(ErrorBody {
                    code: ErrorCode::Conflict,
                    message: format!("service {name} does not run"),
                    hint: Some(format!(
                        "`gantry start {name}` reads the configuration, too"
                    )),
                });
            }
            if !services.contains(&key) {
                services.push(key);
            }
        }
        if names.is_empty() {
            services = self.world.services();
            services.retain(|key| self.reload_of(*key).is_some() && self.runs(*key));
            if services.is_empty() {
                let mut error = invalid("no service that runs has a `reload`");
                error.hint =
                    Some("say how in the stack file, such as reload = { signal = \"HUP\" }".into());
                return Err(error);
            }
        }
        let mut all = Vec::new();
        for service in services {
            self.tell_service(service, &mut all)?;
        }
        Ok(all)
    }

    /// Whether the file says how, in whatever words.
    fn reload_of(&self, service: ServiceKey) -> Option<()> {
        let definition = self.book.latest(service)?;
        (!definition.beside.value().get("reload")?.is_null()).then_some(())
    }

    fn runs(&self, service: ServiceKey) -> bool {
        let view = self.world.service(service);
        view.is_some_and(|view| view.instances.iter().any(is_up))
    }

    /// Everything of a service that runs.
    fn tell_service(
        &mut self,
        service: ServiceKey,
        all: &mut Vec<Telling>,
    ) -> Result<(), ErrorBody> {
        let Some(view) = self.world.service(service) else {
            return Ok(());
        };
        for instance in view.instances.iter().filter(|it| is_up(it)) {
            let key = instance.key;
            let Some(id) = self.world.instance_id(key) else {
                continue;
            };
            let not_now = |why: String| ErrorBody {
                code: ErrorCode::Conflict,
                message: format!("{id} cannot be told now: {why}"),
                hint: None,
            };
            let prepared = match self.prepare(key, view.revision) {
                Ok(prepared) => prepared,
                Err(Unprepared::Failed(cause)) => return Err(not_now(cause.reason.to_string())),
                Err(Unprepared::Waits(secrets)) => {
                    self.fetch(secrets);
                    let mut error = not_now("its secrets are being fetched".into());
                    error.hint = Some("try again in a moment".into());
                    return Err(error);
                }
            };
            let session = self.sessions.get(&prepared.target).cloned();
            let session = session.ok_or_else(|| not_now("its backend is away".into()))?;
            let Some(reload) = prepared.beside.reload.clone() else {
                continue;
            };
            let job = job(
                &reload,
                &id,
                instance.generation,
                instance.pid,
                &prepared.recorded,
            );
            all.push(Telling {
                key,
                how: reload.words(),
                done: Box::pin(tell(session, id.clone(), instance.generation, reload, job)),
                id,
            });
        }
        Ok(())
    }
}

/// Whether it runs and is to go on.
pub(crate) fn is_up(instance: &InstanceView) -> bool {
    let state = instance.state;
    instance.started_at.is_some() && matches!(state, ServiceState::Running | ServiceState::Starting)
}

/// The command, if it is one.
fn job(
    reload: &Reload,
    instance: &InstanceId,
    generation: Generation,
    pid: Option<u32>,
    from: &gantry_driver::Recorded,
) -> Option<JobRequest> {
    let pid = pid.map(|pid| ("GANTRY_PID".to_owned(), pid.to_string()));
    Some(JobRequest {
        name: format!("reload {instance} {generation}").into(),
        command: reload.command.clone()?,
        env: pid.into_iter().collect(),
        folder: None,
        time_limit: reload.timeout.to_duration(),
        capture: CAPTURE,
        once: false,
        place: JobPlace::Instance {
            instance: instance.clone(),
            generation,
            from: from.clone(),
        },
        log_as: Some("reload".into()),
        input: None,
        grace: Duration::ZERO,
    })
}

async fn tell(
    session: Arc<dyn Session>,
    instance: InstanceId,
    generation: Generation,
    reload: Reload,
    job: Option<JobRequest>,
) -> Result<(), String> {
    let words = |error: DriverError| error.reason;
    if let Some(job) = job {
        let outcome = session.job(job).await.map_err(words)?;
        return outcome
            .wrong(reload.timeout.to_duration())
            .map_or(Ok(()), Err);
    }
    let name = reload.signal.unwrap_or_default();
    let number = gantry_core::signal::number(&name);
    let number = number.ok_or_else(|| format!("{name} is no signal"))?;
    let sending = session.signal(&instance, generation, number);
    match tokio::time::timeout(SIGNAL_LIMIT, sending).await {
        Ok(sent) => sent.map_err(words),
        Err(_) => Err(format!("not sent within {} s", SIGNAL_LIMIT.as_secs())),
    }
}
