//! What the keeper reports.

use std::time::Duration;

use gantry_core::{Generation, InstanceId, ModeName};
use gantry_driver::{DriverError, DriverEvent, Handle, JobOutcome};
use gantry_keeper::protocol::{
    Event, EventBody, Exit, InstanceName, JobName, JobOutput, OutOfMemory, ProcessId, SpawnFailure,
};
use jiff::Timestamp;

use super::slot::Alive;
use super::{Asked, Link};
use crate::{logs, sentence};

/// How many of its last lines come with an instance's end.
const TAIL: usize = 20;

/// How an instance ended.
pub(super) struct End<'a> {
    pub(super) at: Timestamp,
    pub(super) exit: &'a Exit,
    pub(super) out_of_memory: Option<OutOfMemory>,
    pub(super) left: Option<String>,
    pub(super) stopping: bool,
}

impl Link {
    pub(super) fn event(&mut self, event: Event) {
        if event.sequence <= self.seen {
            return;
        }
        self.seen = event.sequence;
        if event.sequence <= self.history {
            self.ends.keep(event.body);
            return;
        }
        let at = time(event.at_us);
        if let EventBody::JobEnded { .. } = event.body {
            self.job_ended(event.body, event.sequence);
            return;
        }
        let Some((name, generation)) = event.body.instance() else {
            return;
        };
        let (name, generation) = (name.clone(), Generation(generation));
        let Ok(instance) = name.as_str().parse::<InstanceId>() else {
            tracing::warn!(%name, "the keeper reports an instance with an impossible name");
            return;
        };
        match event.body {
            EventBody::Spawned {
                process,
                not_applied,
                ..
            } => self.spawned(&instance, generation, at, &process, &not_applied),
            EventBody::SpawnFailed { failure, .. } => {
                self.spawn_failed(&instance, generation, &failure);
            }
            EventBody::Said { said, .. } => {
                let leader = said.leader.as_ref().map(|leader| leader.pid);
                if let Some(alive) = self
                    .slots
                    .get_mut(&instance)
                    .and_then(|slot| slot.alive.as_mut())
                    .filter(|alive| alive.generation == generation)
                {
                    alive.pid = leader.or(alive.pid);
                }
                self.report(DriverEvent::Said {
                    instance,
                    generation,
                    said: Box::new(sentence::said(&said)),
                });
            }
            EventBody::Exited {
                exit,
                left,
                stopping,
                out_of_memory,
                ..
            } => {
                let left = sentence::left(&left);
                let end = End {
                    at,
                    exit: &exit,
                    out_of_memory,
                    left,
                    stopping,
                };
                self.exited(&name, &instance, generation, end);
            }
            EventBody::Stopped {
                exit,
                proof,
                killed,
                ..
            } => {
                let killed = if killed {
                    ", killed after its grace"
                } else {
                    ""
                };
                let proof = format!("nothing is left (by {}){killed}", sentence::proof(proof));
                self.over(&instance, generation, Some(&exit), Some(&proof));
            }
            EventBody::StopResisted { left, .. } => {
                let what = sentence::left(&left)
                    .unwrap_or_else(|| "something that cannot be named is still alive".into());
                self.resisted(&instance, generation, &what);
            }
            EventBody::JobEnded { .. } => {}
        }
    }

    pub(super) fn spawned(
        &mut self,
        instance: &InstanceId,
        generation: Generation,
        at: Timestamp,
        process: &ProcessId,
        not_applied: &[String],
    ) {
        let slot = self.slots.entry(instance.clone()).or_default();
        slot.alive = Some(Alive {
            generation,
            since: Some(at),
            pid: Some(process.pid),
        });
        for start in slot.take_starts(|of| of == generation) {
            self.report(DriverEvent::Started {
                effect: start.effect,
                instance: instance.clone(),
                generation,
                pid: Some(process.pid),
                at,
                handle: Some(handle(process)),
                warnings: sentence::not_applied(not_applied),
            });
        }
    }

    pub(super) fn spawn_failed(
        &mut self,
        instance: &InstanceId,
        generation: Generation,
        failure: &SpawnFailure,
    ) {
        if failure.interrupted {
            // It has not failed: whoever asks what became of it hears that nothing is there, and may start it again.
            self.lose_start(instance, generation, &failure.message);
            return;
        }
        let slot = self.slots.entry(instance.clone()).or_default();
        for start in slot.take_starts(|of| of == generation) {
            self.report(DriverEvent::StartFailed {
                effect: start.effect,
                instance: instance.clone(),
                generation,
                failure: sentence::start_failure(failure, Some(&start.attempt)),
            });
        }
    }

    pub(super) fn exited(
        &mut self,
        name: &InstanceName,
        instance: &InstanceId,
        generation: Generation,
        end: End<'_>,
    ) {
        let End {
            at,
            exit,
            out_of_memory,
            left,
            stopping,
        } = end;
        let slot = self.slots.entry(instance.clone()).or_default();
        let since = slot
            .alive
            .filter(|alive| alive.generation == generation)
            .and_then(|alive| alive.since);
        if left.is_none() && !stopping {
            slot.alive = None;
        }
        let ran =
            since.map(|since| Duration::try_from(at.duration_since(since)).unwrap_or_default());
        let status = sentence::status(exit, out_of_memory.as_ref());
        // Its last words matter when it ended badly, and nobody wanted it to end.
        let tail = if stopping || status.success() {
            Vec::new()
        } else {
            // If the clock was set back meanwhile, nothing was printed since the start by its word.
            let since = since.filter(|since| *since <= at);
            logs::tail(&self.context.layout, name, since, TAIL)
        };
        self.report(DriverEvent::Exited {
            instance: instance.clone(),
            generation,
            message: sentence::exit(exit, ran, out_of_memory.as_ref()).into(),
            exit: status,
            at,
            left: left.map(Into::into),
            tail,
        });
    }

    /// Nothing of this generation is left.
    pub(super) fn over(
        &mut self,
        instance: &InstanceId,
        generation: Generation,
        exit: Option<&Exit>,
        proof: Option<&str>,
    ) {
        if self.await_stop_command(instance, generation, exit, proof) {
            return;
        }
        let slot = self.slots.entry(instance.clone()).or_default();
        if slot
            .alive
            .is_some_and(|alive| alive.generation <= generation)
        {
            slot.alive = None;
        }
        let stops = slot.take_stops(|of| of >= generation);
        let floor = slot.floor;
        // The keeper heard of their stop before it could carry them out, or was replaced in between.
        let overtaken = if stops.is_empty() {
            Vec::new()
        } else {
            slot.take_starts(|of| of <= floor)
        };
        for start in &overtaken {
            self.report_cancelled(instance, start);
        }
        for stop in stops {
            self.report(DriverEvent::Stopped {
                effect: stop.effect,
                instance: instance.clone(),
                generation: stop.generation,
                exit: exit.map(|exit| sentence::status(exit, None)),
                proof: proof.map(Into::into),
            });
        }
        // One that waited until what an earlier generation had left was cleared away.
        self.ask_spawns(instance);
    }

    fn resisted(&mut self, instance: &InstanceId, generation: Generation, what: &str) {
        let Some(slot) = self.slots.get(instance) else {
            return;
        };
        for stop in slot
            .stops
            .iter()
            .filter(|stop| stop.generation >= generation)
        {
            self.report(DriverEvent::StopResisted {
                effect: stop.effect,
                instance: instance.clone(),
                generation: stop.generation,
                what: what.into(),
            });
        }
    }

    pub(super) fn job_ended(&mut self, body: EventBody, sequence: u64) {
        let EventBody::JobEnded {
            job,
            result,
            timed_out,
            cancelled,
            duration_us,
            output,
        } = body
        else {
            return;
        };
        let Some(known) = self.jobs.get_mut(&job) else {
            return;
        };
        known.waiting.retain(|reply| !reply.is_closed());
        let interrupted = matches!(&result, Err(failure) if failure.interrupted);
        if (cancelled || interrupted) && !known.waiting.is_empty() && !known.given_up {
            // Someone asked for it after it had been cancelled; or nothing of it was tried.
            let request = known.request.clone();
            self.ask(&request, Asked::Job(job));
            return;
        }
        if !known.waiting.is_empty() {
            self.ends.passed_on(&job, sequence);
        }
        let outcome = match result {
            Ok(exit) => Ok(outcome(&exit, timed_out, duration_us, output)),
            Err(failure) => {
                let failure = sentence::start_failure(&failure, Some(&known.attempt));
                Err(DriverError {
                    stage: failure.step.unwrap_or_default(),
                    kind: failure.kind,
                    reason: failure.reason.to_string(),
                    evidence: failure.evidence,
                })
            }
        };
        self.end_job(&job, &outcome);
    }

    pub(super) fn end_job(&mut self, name: &JobName, outcome: &Result<JobOutcome, DriverError>) {
        if let Some(job) = self.jobs.remove(name) {
            for reply in job.waiting {
                // Whoever asked may have given up.
                let _ = reply.send(outcome.clone());
            }
        }
        if let Some(instance) = self.stop_commands.remove(name) {
            self.after_stop_command(&instance, outcome);
        }
    }
}

fn outcome(
    exit: &Exit,
    timed_out: bool,
    duration_us: u64,
    output: Option<JobOutput>,
) -> JobOutcome {
    let incomplete = output
        .as_ref()
        .is_none_or(|output| output.incomplete || output.dropped > 0);
    let output = output.unwrap_or_default();
    JobOutcome {
        exit: sentence::status(exit, None),
        timed_out,
        duration: Duration::from_micros(duration_us),
        stdout: output.stdout,
        stderr: output.stderr,
        incomplete,
    }
}

/// The handle of a process: what tells it from a later one with the same pid.
pub(super) fn handle(process: &ProcessId) -> Handle {
    Handle {
        version: 1,
        mode: ModeName::new("process"),
        payload: (&serde_json::json!({
            "pid": process.pid,
            "start-time": process.start_time,
            "boot-id": process.boot_id,
        }))
            .into(),
    }
}

/// A time of the keeper's.
pub(super) fn time(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}
