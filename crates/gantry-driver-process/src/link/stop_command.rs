//! Stopping by a command: it asks in place of the signal.
//!
//! The keeper is told of the stop together with the command, with no signal and the whole grace: it
//! kills the tree in time, also when nobody is left who waits for the command. What becomes of the
//! command decides what else is said and done:
//!
//! | the command | what follows |
//! |---|---|
//! | ended well | the instance has what is left of the grace |
//! | failed, or could not be run | that is said, and the signal follows, with what is left of the grace |
//! | still runs when the grace is over | that is said; command and instance are killed |
//! | still runs when the instance is gone | its end is awaited, within the grace: it may have things to put away, and the next start must not meet it |
//! | was overtaken by a kill | it is killed too |

use std::time::Duration;

use gantry_core::{Generation, InstanceId};
use gantry_driver::{DriverError, DriverEvent, JobOutcome, Recorded};
use gantry_keeper::protocol::{Command, Exit, JobLog, JobName, Request};
use tokio::time::Instant;

use super::Link;
use super::orders::millis;
use super::slot::StopCommand;
use crate::spec::Spec;
use crate::{command, signal};

/// How much of what a stop command prints is kept: its last line is told when it fails.
const CAPTURE: u64 = 4096;

impl Link {
    /// What asks this instance to stop, if not a signal.
    pub(super) fn stop_command(
        &self,
        instance: &InstanceId,
        from: &Recorded,
        pid: Option<u32>,
    ) -> Option<(Command, Box<JobLog>)> {
        let own = Spec::read(&from.spec).ok()?.0.stop_command;
        let argv = own.or_else(|| from.settings.stop.command.clone())?;
        let mut command = command::beside(&self.context.stack, instance, from, argv).ok()?;
        command.env.extend(command::pid(pid));
        Some((command, command::job_log(instance, from, "stop").ok()?))
    }

    pub(super) fn run_stop_command(
        &mut self,
        instance: &InstanceId,
        generation: Generation,
        (command, log): (Command, Box<JobLog>),
        grace: Duration,
    ) {
        let job = JobName::new(format!("stop {instance} {generation}"));
        if let Some(slot) = self.slots.get_mut(instance) {
            slot.stop_command = Some(Box::new(StopCommand {
                job: job.clone(),
                generation,
                begun: Instant::now(),
                grace,
                over: None,
            }));
        }
        self.stop_commands.insert(job.clone(), instance.clone());
        let attempt = self.attempt(&command, None);
        let request = Request::Job {
            job: job.clone(),
            command: Box::new(command),
            time_limit_ms: millis(grace),
            capture: CAPTURE,
            log: Some(log),
            input: None,
            grace_ms: 0,
        };
        self.begin_job(job, request, attempt, None);
    }

    pub(super) fn give_up_stop_command(&mut self, instance: &InstanceId) {
        let slot = self.slots.get_mut(instance);
        if let Some(command) = slot.and_then(|slot| slot.stop_command.take()) {
            self.stop_commands.remove(&command.job);
            self.jobs.remove(&command.job);
            self.tell(&Request::CancelJob { job: command.job });
            self.after_all(instance, command.over);
        }
    }

    /// Keeps the end of an instance until its stop command has ended, too. Says whether there is one.
    pub(super) fn await_stop_command(
        &mut self,
        instance: &InstanceId,
        generation: Generation,
        exit: Option<&Exit>,
        proof: Option<&str>,
    ) -> bool {
        let slot = self.slots.get_mut(instance);
        let Some(command) = slot.and_then(|slot| slot.stop_command.as_mut()) else {
            return false;
        };
        if command.generation < generation {
            return false;
        }
        command.over = Some((generation, exit.cloned(), proof.map(str::to_owned)));
        true
    }

    /// A stop command has ended.
    pub(super) fn after_stop_command(
        &mut self,
        instance: &InstanceId,
        outcome: &Result<JobOutcome, DriverError>,
    ) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        let Some(command) = slot.stop_command.take() else {
            return;
        };
        let gone = command.over.is_some();
        let wrong = wrong(outcome, command.grace);
        let spent = millis(command.begun.elapsed());
        for stop in &mut slot.stops {
            stop.grace = stop.grace.saturating_sub(spent);
            if wrong.is_none() {
                stop.signal = signal::NONE;
            }
        }
        let follows = match slot.most_urgent() {
            _ if gone => None,
            Some(stop) if stop.grace > 0 => Some(gantry_core::signal::name(stop.signal)),
            _ => Some("the kill".to_owned()),
        };
        if let Some(wrong) = wrong {
            let follows = follows.map_or_else(String::new, |what| format!("; {what} follows"));
            self.report(DriverEvent::Note {
                instance: instance.clone(),
                generation: command.generation,
                text: format!("its stop command {wrong}{follows}"),
            });
            if !gone {
                self.ask_stop(instance);
            }
        }
        self.after_all(instance, command.over);
    }

    /// The instance had ended before its stop command did.
    fn after_all(
        &mut self,
        instance: &InstanceId,
        over: Option<(Generation, Option<Exit>, Option<String>)>,
    ) {
        if let Some((generation, exit, proof)) = over {
            self.over(instance, generation, exit.as_ref(), proof.as_deref());
        }
    }
}

/// What a stop command did wrong, if anything.
fn wrong(outcome: &Result<JobOutcome, DriverError>, grace: Duration) -> Option<String> {
    match outcome {
        Ok(outcome) => outcome.wrong(grace),
        Err(error) => Some(format!("could not be run: {}", error.reason)),
    }
}
