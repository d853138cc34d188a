//! What the session orders.

use std::time::Duration;

use gantry_core::{EffectId, Failure, FailureKind, Generation, InstanceId, Stage, StopHow};
use gantry_driver::{
    DriverError, DriverEvent, SpecError, StartRequest, StopPolicy, StopRequest, UpdateRequest,
};
use gantry_keeper::protocol::{Bytes, Command, JobName, Request, Scope, Spawn};

use super::slot::{Start, Stop};
use super::{Asked, Job, JobOrder, Link};
use crate::sentence::Attempt;
use crate::spec::Spec;
use crate::{command, signal};

impl Link {
    pub(super) fn start(&mut self, request: StartRequest) {
        let (effect, generation) = (request.effect, request.generation);
        let instance = request.instance.clone();
        let slot = self.slots.entry(instance.clone()).or_default();
        if generation <= slot.floor {
            self.report(DriverEvent::Cancelled {
                effect,
                instance,
                generation,
            });
            return;
        }
        match self.spawn_request(request) {
            Ok((spawn, attempt)) => {
                let slot = self.slots.entry(instance.clone()).or_default();
                slot.starts.push(Start {
                    effect,
                    generation,
                    spawn,
                    attempt,
                    sent: false,
                });
                self.ask_spawns(&instance);
            }
            Err(error) => {
                let reason = format!("failed to start: {error}");
                let mut failure = Failure::new(Stage::Start, reason).kind(FailureKind::Permanent);
                failure.step = Some("specification".into());
                self.report(DriverEvent::StartFailed {
                    effect,
                    instance,
                    generation,
                    failure,
                });
            }
        }
    }

    fn spawn_request(&self, request: StartRequest) -> Result<(Request, Attempt), SpecError> {
        let StartRequest {
            instance,
            generation,
            from,
            ..
        } = request;
        let spec = Spec::read(&from.spec)?;
        let search_path = spec.search_path(&from.settings).map(str::to_owned);
        let command = command::service(&self.context.stack, &instance, spec, &from.settings);
        let attempt = self.attempt(&command, search_path);
        let spawn = Request::Spawn(Spawn {
            instance: command::name(&instance)?,
            generation: generation.0,
            command: Box::new(command),
            log: command::log_policy(&from.settings.logs),
        });
        Ok((spawn, attempt))
    }

    /// What a sentence about the failure of this command needs.
    pub(super) fn attempt(&self, command: &Command, search_path: Option<String>) -> Attempt {
        Attempt {
            program: command.argv.first().cloned().unwrap_or_default(),
            search_path: search_path.or_else(|| self.context.search_path.clone()),
            folder: command.cwd.to_string(),
            private_tmp: command.sandbox.private_tmp,
        }
    }

    /// Asks the keeper for the starts of an instance that it was not asked for yet.
    pub(super) fn ask_spawns(&mut self, instance: &InstanceId) {
        if self.connection.is_none() {
            return;
        }
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        for start in slot.starts.iter_mut().filter(|start| !start.sent) {
            start.sent = true;
            let asked = Asked::Spawn(instance.clone(), start.generation);
            self.outbox.ask(&start.spawn, asked);
        }
    }

    pub(super) fn stop(&mut self, request: StopRequest) {
        let StopRequest {
            effect,
            instance,
            generation,
            how,
            from,
        } = request;
        let policy = from
            .as_ref()
            .map(|from| from.settings.stop.clone())
            .unwrap_or_default();
        let slot = self.slots.entry(instance.clone()).or_default();
        slot.floor = slot.floor.max(generation);
        // The keeper was not asked for these, and never will be.
        let overtaken: Vec<_> = slot
            .starts
            .extract_if(.., |start| start.generation <= generation && !start.sent)
            .collect();
        let alive = slot.alive.filter(|alive| alive.generation <= generation);
        let asking = slot.stop_command.is_some();
        slot.stops.push(Stop {
            effect,
            generation,
            signal: stop_signal(&policy, how),
            grace: match how {
                StopHow::Graceful => millis(policy.grace),
                StopHow::Kill => 0,
            },
        });
        for start in overtaken {
            self.report_cancelled(&instance, &start);
        }
        match how {
            StopHow::Kill => self.give_up_stop_command(&instance),
            // It was asked already; what comes of that is awaited.
            StopHow::Graceful if asking => return,
            StopHow::Graceful => {
                if let (Some(alive), Some(from)) = (alive, &from)
                    && let Some(command) = self.stop_command(&instance, from, alive.pid)
                {
                    self.run_stop_command(&instance, generation, command, policy.grace);
                }
            }
        }
        self.ask_stop(&instance);
    }

    pub(super) fn report_cancelled(&self, instance: &InstanceId, start: &Start) {
        self.report(DriverEvent::Cancelled {
            effect: start.effect,
            instance: instance.clone(),
            generation: start.generation,
        });
    }

    /// Asks the keeper for the most urgent stop of an instance. While a stop command runs, it is not
    /// to send a signal; but it counts the grace from now on, whatever becomes of this supervisor.
    pub(super) fn ask_stop(&mut self, instance: &InstanceId) {
        let Some(slot) = self.slots.get(instance) else {
            return;
        };
        let Some(stop) = slot.most_urgent() else {
            return;
        };
        let generation = match slot.alive {
            Some(alive) if alive.generation <= stop.generation => alive.generation,
            _ => stop.generation,
        };
        let signal = match slot.stop_command {
            Some(_) => signal::NONE,
            None => stop.signal,
        };
        self.ask_stop_of(instance, generation, signal, stop.grace);
    }

    pub(super) fn ask_stop_of(
        &mut self,
        instance: &InstanceId,
        generation: Generation,
        signal: i32,
        grace_ms: u64,
    ) {
        if let Ok(name) = command::name(instance) {
            self.ask(
                &Request::Stop {
                    instance: name,
                    generation: generation.0,
                    signal,
                    grace_ms,
                },
                Asked::Stop(instance.clone(), generation),
            );
        }
    }

    /// The keeper was replaced, and may not have heard what was asked of its predecessor.
    pub(super) fn ask_again(&mut self, instance: &InstanceId) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        if slot.stops.is_empty() {
            slot.starts.iter_mut().for_each(|start| start.sent = false);
            self.ask_spawns(instance);
        } else {
            // Its starts are not asked for again: they would only be stopped.
            self.ask_stop(instance);
        }
    }

    /// A process cannot become another one while it runs.
    pub(super) fn refuse_update(&mut self, request: &UpdateRequest) {
        self.report(request.refused("a process cannot be changed while it runs"));
    }

    /// Takes back what the keeper was not asked for yet. The rest takes its course.
    pub(super) fn cancel(&mut self, effect: EffectId) {
        let mut cancelled = Vec::new();
        for (instance, slot) in &mut self.slots {
            let starts = &mut slot.starts;
            if let Some(place) = starts.iter().position(|s| s.effect == effect && !s.sent) {
                cancelled.push((instance.clone(), starts.remove(place)));
            }
        }
        for (instance, start) in cancelled {
            self.report_cancelled(&instance, &start);
        }
    }

    pub(super) fn job(&mut self, order: JobOrder) {
        if let Some(job) = self.jobs.get_mut(&order.name) {
            job.waiting.push(order.reply);
            return;
        }
        let attempt = self.attempt(&order.command, None);
        let request = Request::Job {
            job: order.name.clone(),
            command: order.command,
            time_limit_ms: millis(order.time_limit),
            capture: order.capture,
            log: order.log,
            input: order.input.map(Bytes),
            grace_ms: millis(order.grace),
        };
        self.begin_job(order.name, request, attempt, Some(order.reply));
    }

    pub(super) fn begin_job(
        &mut self,
        name: JobName,
        request: Request,
        attempt: Attempt,
        reply: Option<super::JobReply>,
    ) {
        let end = self.ends.before(&name);
        if end.is_none() {
            self.ask(&request, Asked::Job(name.clone()));
        }
        let job = Job {
            request,
            attempt,
            waiting: reply.into_iter().collect(),
            given_up: false,
        };
        self.jobs.insert(name, job);
        if let Some(end) = end {
            self.job_ended(end, self.seen);
        }
    }

    pub(super) fn cancel_job(&mut self, name: JobName) {
        if let Some(job) = self.jobs.get_mut(&name) {
            job.waiting.retain(|reply| !reply.is_closed());
            if job.waiting.is_empty() && !self.stop_commands.contains_key(&name) {
                self.tell(&Request::CancelJob { job: name });
            }
        }
    }

    pub(super) fn give_up_job(&mut self, name: JobName) {
        if let Some(job) = self.jobs.get_mut(&name) {
            job.given_up = true;
            self.tell(&Request::CancelJob { job: name });
        }
    }

    pub(super) fn signal(
        &mut self,
        instance: &InstanceId,
        generation: Generation,
        signal: i32,
        reply: super::SignalReply,
    ) {
        match command::name(instance) {
            Ok(name) => self.ask(
                &Request::Signal {
                    instance: name,
                    generation: generation.0,
                    signal,
                    scope: Scope::Leader,
                },
                Asked::Signal(reply),
            ),
            Err(error) => {
                // Whoever asked may have given up.
                let _ = reply.send(Err(DriverError::permanent("signal", error.to_string())));
            }
        }
    }

    pub(super) fn forget(&mut self, instances: Vec<(InstanceId, Generation)>) {
        for (instance, generation) in instances {
            if self.slots.get(&instance).is_some_and(super::Slot::is_idle) {
                self.slots.remove(&instance);
            }
            if let Ok(name) = command::name(&instance) {
                self.tell(&Request::Forget {
                    instance: name,
                    generation: generation.0,
                });
            }
        }
    }
}

/// The signal of a policy. A name that means nothing was refused when the file was read.
fn stop_signal(policy: &StopPolicy, how: StopHow) -> i32 {
    match how {
        StopHow::Kill => signal::KILL,
        StopHow::Graceful => gantry_core::signal::number(&policy.signal).unwrap_or(signal::TERM),
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
