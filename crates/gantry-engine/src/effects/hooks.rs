//! Running hooks. What they are and what follows them is decided by the core; see
//! [`gantry_core::Hook`].
//!
//! A hook is a job with the name of its instance, generation and hook, so that a supervisor that takes
//! over finds the one that runs. That it ended well is noted in the journal before its end is taken
//! from whoever ran it: from then on the journal answers for it.

use std::collections::HashMap;

use gantry_core::{
    EffectId, Event, Failure, FailureKind, Generation, Hook, InstanceKey, Millis, Revision, Stage,
};
use gantry_driver::{DriverError, JobOutcome, JobPlace, JobRequest, Target};
use smol_str::{SmolStr, format_smolstr};
use tokio_util::task::AbortOnDropHandle;

use crate::dispatcher::Dispatcher;
use crate::inbox::Incoming;
use crate::journal;
use crate::resolve::Unprepared;

/// How much of its output is kept.
const CAPTURE: u64 = 16 * 1024;

/// How many of its last lines are told when it fails.
const TAIL: usize = 20;

/// One hook that the world asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HookRun {
    pub(crate) id: EffectId,
    pub(crate) instance: InstanceKey,
    pub(crate) generation: Generation,
    pub(crate) revision: Revision,
    pub(crate) hook: Hook,
}

/// The hooks that are under way.
#[derive(Debug, Default)]
pub(crate) struct Hooks {
    running: HashMap<EffectId, Running>,
    /// Those that wait for a secret.
    parked: Vec<HookRun>,
}

#[derive(Debug)]
struct Running {
    target: Target,
    job: SmolStr,
    /// Dropping it kills the job.
    _task: AbortOnDropHandle<()>,
}

impl Dispatcher {
    pub(crate) fn run_hook(&mut self, run: HookRun) {
        let HookRun {
            instance,
            generation,
            revision,
            hook,
            ..
        } = run;
        let Some(name) = self.world.instance_id(instance) else {
            return;
        };
        let noted = self.journal.get(&name);
        let noted = noted.filter(|start| start.generation == generation);
        let ended = noted.map(|start| start.hooks.contains(&hook));
        if ended == Some(true) {
            self.hook_is_over(run, None);
            return;
        }
        if hook == Hook::PreStart {
            self.renew_ports(instance, revision);
            if ended.is_none() {
                self.journal.note(journal::Start::new(
                    name,
                    generation,
                    revision,
                    self.restarts(instance),
                    self.world.memory(instance),
                ));
            }
        }
        self.begin_hook(run);
    }

    fn begin_hook(&mut self, run: HookRun) {
        let HookRun {
            id,
            instance,
            generation,
            revision,
            hook,
        } = run;
        let prepared = match self.prepare(instance, revision) {
            Ok(prepared) => prepared,
            Err(Unprepared::Waits(secrets)) => {
                self.hooks.parked.push(run);
                self.fetch(secrets);
                return;
            }
            Err(Unprepared::Failed(cause)) => {
                self.hook_is_over(run, Some(*cause));
                return;
            }
        };
        // An older specification than the one that has it: there is nothing to run.
        let Some(command) = prepared.beside.hooks.get(&hook).cloned() else {
            self.hook_is_over(run, None);
            return;
        };
        let session = self.sessions.get(&prepared.target).cloned();
        let (Some(session), Some(name)) = (session, self.world.instance_id(instance)) else {
            let away = Failure::new(Stage::Start, "the hook cannot be run: its backend is away");
            self.hook_is_over(run, Some(away));
            return;
        };
        let pid = self.world.instance(instance).and_then(|view| view.pid);
        let pid = pid.filter(|_| matches!(hook, Hook::PostStart | Hook::PreStop));
        let mut env = vec![("GANTRY_HOOK".to_owned(), hook.to_string())];
        env.extend(pid.map(|pid| ("GANTRY_PID".to_owned(), pid.to_string())));
        let job = format_smolstr!("hook {hook} {name} {generation}");
        let limit = command.timeout;
        let request = JobRequest {
            name: job.clone(),
            command: command.command,
            env,
            folder: None,
            time_limit: limit.to_duration(),
            capture: CAPTURE,
            once: true,
            place: JobPlace::Instance {
                instance: name,
                generation,
                from: prepared.recorded.clone(),
            },
            log_as: Some(format_smolstr!("hook {hook}")),
            input: None,
            grace: std::time::Duration::ZERO,
        };
        let outbox = self.outbox.clone();
        let task = tokio::spawn(async move {
            let outcome = session.job(request).await;
            let failure = failure(hook, outcome, limit);
            let _ = outbox.send(Incoming::HookEnded { run, failure });
        });
        let running = Running {
            target: prepared.target.clone(),
            job,
            _task: AbortOnDropHandle::new(task),
        };
        self.hooks.running.insert(id, running);
    }

    /// A job that was a hook has ended.
    pub(crate) fn hook_ended(&mut self, run: HookRun, failure: Option<Failure>) {
        let Some(running) = self.hooks.running.remove(&run.id) else {
            // It was cancelled.
            return;
        };
        if failure.is_none()
            && let Some(name) = self.world.instance_id(run.instance)
        {
            self.journal.note_hook(&name, run.generation, run.hook);
            self.journal.flush();
        }
        self.take_from_session(&running);
        self.hook_is_over(run, failure);
    }

    fn hook_is_over(&mut self, run: HookRun, failure: Option<Failure>) {
        // Nobody fails because of these, so nobody else would tell.
        if let (Hook::PreStop | Hook::PostStop, Some(failure)) = (run.hook, &failure)
            && let Some(name) = self.world.instance_id(run.instance)
        {
            let last = failure.tail.last();
            let last = last.map_or_else(String::new, |line| format!(": {line}"));
            let text = format!("{failure}{last}");
            self.note(Some(&name), text);
        }
        self.ended.push(run.instance);
        self.queue.push_back(Event::HookEnded {
            effect: run.id,
            instance: run.instance,
            failure,
        });
    }

    pub(crate) fn cancel_hook(&mut self, id: EffectId) {
        self.hooks.parked.retain(|run| run.id != id);
        if let Some(running) = self.hooks.running.remove(&id) {
            self.take_from_session(&running);
        }
    }

    /// Secrets have come: hooks that waited for them begin.
    pub(crate) fn begin_parked_hooks(&mut self) {
        for run in std::mem::take(&mut self.hooks.parked) {
            self.begin_hook(run);
        }
    }

    fn take_from_session(&self, running: &Running) {
        if let Some(session) = self.sessions.get(&running.target) {
            session.job_taken(&running.job);
        }
    }
}

/// What a hook did wrong, if anything.
fn failure(hook: Hook, outcome: Result<JobOutcome, DriverError>, limit: Millis) -> Option<Failure> {
    let mut failure = match outcome {
        Ok(outcome) if outcome.success() => return None,
        Ok(outcome) => {
            let reason = if outcome.timed_out {
                format_smolstr!("the hook did not end within {}", limit.in_words())
            } else {
                format_smolstr!("the hook failed with {}", outcome.exit)
            };
            let said = if outcome.stderr.trim().is_empty() {
                &outcome.stdout
            } else {
                &outcome.stderr
            };
            let lines: Vec<_> = said.lines().collect();
            let last = &lines[lines.len().saturating_sub(TAIL)..];
            let mut failure = Failure::new(Stage::Start, reason);
            failure.tail = last.iter().map(ToString::to_string).collect();
            failure.exit = Some(outcome.exit);
            failure
        }
        Err(error) => {
            let mut failure = Failure::new(
                Stage::Start,
                format_smolstr!("the hook could not be run: {}", error.reason),
            );
            // Whether the instance lives is known all the same.
            if error.kind != FailureKind::Unreachable {
                failure.kind = error.kind;
            }
            failure.evidence = error.evidence;
            failure
        }
    };
    failure.step = Some(hook.step());
    Some(failure)
}
