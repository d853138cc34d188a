//! A session of the mock driver.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use gantry_core::{ChangeEffect, EffectId, ExitStatus, Failure, Generation, InstanceId, Stage};
use smol_str::SmolStr;

use super::backend::Open;
use super::output;
use super::{Shared, attach};
use crate::{
    Attach, AttachRequest, Close, DriverError, EventSink, ExecProcess, FieldChange, JobOutcome,
    JobRequest, LogRequest, LogStream, Make, Observed, OpenContext, Outdated, Preview, Recorded,
    Session, StartRequest, StopRequest, Target, UpdateRequest, diff,
};

#[derive(Debug)]
pub(super) struct MockSession {
    shared: Arc<Shared>,
    number: u64,
    stack: SmolStr,
    group: SmolStr,
}

impl MockSession {
    pub(super) fn open(
        shared: &Arc<Shared>,
        context: OpenContext,
        target: Target,
        events: EventSink,
    ) -> Result<Self, DriverError> {
        let mut backend = shared.lock();
        if let Some(reason) = backend.unreachable.get(&target.key) {
            return Err(DriverError::unreachable("connect", reason.clone()));
        }
        backend.last_session += 1;
        let number = backend.last_session;
        backend.sessions.insert(
            number,
            Open {
                stack: context.stack.id.clone(),
                group: target.key.clone(),
                events,
            },
        );
        Ok(Self {
            shared: Arc::clone(shared),
            number,
            stack: context.stack.id,
            group: target.key,
        })
    }

    fn reach(&self, stage: &'static str) -> Result<(), DriverError> {
        match self.shared.lock().unreachable.get(&self.group) {
            Some(reason) => Err(DriverError::unreachable(stage, reason.clone())),
            None => Ok(()),
        }
    }
}

impl Drop for MockSession {
    fn drop(&mut self) {
        self.shared.lock().sessions.remove(&self.number);
    }
}

impl Session for MockSession {
    fn observe(&self) -> BoxFuture<'_, Result<Vec<Observed>, DriverError>> {
        Box::pin(async move {
            self.reach("observe")?;
            Ok(self.shared.lock().observe(&self.stack, &self.group))
        })
    }

    fn start(&self, batch: Vec<StartRequest>) {
        let mut backend = self.shared.lock();
        for request in batch {
            self.shared.start(&mut backend, self.number, request);
        }
    }

    fn stop(&self, batch: Vec<StopRequest>) {
        let mut backend = self.shared.lock();
        for request in batch {
            self.shared.stop(&mut backend, self.number, request);
        }
    }

    fn update(&self, batch: Vec<UpdateRequest>) {
        let mut backend = self.shared.lock();
        for request in batch {
            Shared::update(&mut backend, self.number, request);
        }
    }

    fn cancel(&self, effect: EffectId) {
        Shared::cancel(&mut self.shared.lock(), self.number, effect);
    }

    fn logs(&self, request: LogRequest) -> LogStream {
        output::read(&self.shared, &self.stack, &request)
    }

    fn job(&self, job: JobRequest) -> BoxFuture<'_, Result<JobOutcome, DriverError>> {
        Box::pin(async move {
            self.reach("job")?;
            let words: Vec<&str> = job.command.iter().map(String::as_str).collect();
            let begun = tokio::time::Instant::now();
            let (exit, stdout, pause) = match words.as_slice() {
                ["true"] => (0, String::new(), 0),
                ["false"] => (1, String::new(), 0),
                ["exit", code] => (number(code)?, String::new(), 0),
                ["echo", rest @ ..] => (0, format!("{}\n", rest.join(" ")), 0),
                ["sleep", millis] => (0, String::new(), number::<u64>(millis)?),
                _ => {
                    let reason = format!("the mock knows no program {words:?}");
                    return Err(DriverError::permanent("job", reason));
                }
            };
            let pause = Duration::from_millis(pause);
            let timed_out = pause > job.time_limit;
            tokio::time::sleep(pause.min(job.time_limit)).await;
            Ok(JobOutcome {
                exit: if timed_out {
                    ExitStatus::Signal(9)
                } else {
                    ExitStatus::Code(exit)
                },
                timed_out,
                duration: begun.elapsed(),
                stdout,
                stderr: String::new(),
                incomplete: false,
            })
        })
    }

    fn outdated(
        &self,
        running: Vec<(InstanceId, Recorded)>,
        make: Make,
    ) -> BoxFuture<'_, Outdated> {
        let mut backend = self.shared.lock();
        let found = running.into_iter().filter_map(|(instance, _)| {
            let key = (self.stack.clone(), instance.clone());
            Some((instance, backend.outdated.remove(&key)?))
        });
        let found: Vec<_> = found.collect();
        let broken = found.iter().find(|(_, what)| what == "broken");
        let answer = match broken.filter(|_| make == Make::Afresh) {
            Some((instance, _)) => {
                let failure = Failure::new(Stage::Start, "it cannot be made");
                Err((instance.clone(), failure))
            }
            None => Ok(found),
        };
        Box::pin(std::future::ready(answer))
    }

    fn forget(&self, instances: Vec<(InstanceId, Generation)>) {
        let mut backend = self.shared.lock();
        for (instance, generation) in instances {
            let key = (self.stack.clone(), instance);
            let over =
                |thing: &super::backend::Thing| !thing.lives() && thing.generation <= generation;
            if backend.things.get(&key).is_some_and(over) {
                backend.things.remove(&key);
            }
        }
    }

    fn close(&self, _how: Close) -> BoxFuture<'_, Result<(), DriverError>> {
        let result = self.reach("close");
        Box::pin(std::future::ready(result))
    }

    fn as_attach(&self) -> Option<&dyn Attach> {
        Some(self)
    }

    fn as_preview(&self) -> Option<&dyn Preview> {
        Some(self)
    }
}

impl Attach for MockSession {
    fn attach(&self, request: AttachRequest) -> BoxFuture<'_, Result<ExecProcess, DriverError>> {
        let joined = self
            .reach("attach")
            .and_then(|()| attach::join(&self.shared, &self.stack, request));
        Box::pin(std::future::ready(joined))
    }
}

impl Preview for MockSession {
    fn preview(
        &self,
        instance: InstanceId,
        from: Recorded,
    ) -> BoxFuture<'_, Result<Vec<FieldChange>, DriverError>> {
        Box::pin(async move {
            self.reach("preview")?;
            let backend = self.shared.lock();
            let now = backend.things.get(&(self.stack.clone(), instance));
            let now = now.map_or(serde_json::Value::Null, |thing| thing.spec.to_value());
            let wanted = super::MockSpec::read(&from.spec)?.to_value();
            Ok(diff::values(&now, &wanted, &|_| ChangeEffect::Restart))
        })
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, DriverError> {
    let wrong = || DriverError::permanent("job", format!("{text} is no number"));
    text.parse().map_err(|_| wrong())
}
