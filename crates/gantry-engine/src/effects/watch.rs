//! Watching probes: who is asked when, by whom, and what becomes of the answers.

use gantry_core::{Event, ExitStatus, Generation, InstanceKey, Revision};
use gantry_driver::{JobPlace, JobRequest};
use gantry_probe::command::{CommandCheck, CommandEnd};
use gantry_probe::{Check, Outcome};

use crate::book::Run;
use crate::dispatcher::Dispatcher;
use crate::effects::probes::{Verdict, WatchId};
use crate::inbox::Incoming;
use crate::resolve::Unprepared;

/// How much of a command's output is kept: the last line goes into the evidence.
const CAPTURE: u64 = 4096;

/// Probes that cannot be watched before a secret is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ParkedWatch {
    pub(crate) instance: InstanceKey,
    pub(crate) generation: Generation,
    pub(crate) revision: Revision,
    pub(crate) ready: bool,
    pub(crate) live: bool,
}

impl Dispatcher {
    pub(crate) fn watch(
        &mut self,
        instance: InstanceKey,
        generation: Generation,
        revision: Revision,
        ready: bool,
        live: bool,
    ) {
        let known = self.book.run(instance);
        let known = known.filter(|run| run.generation == generation && run.revision == revision);
        let membership = known.and_then(|run| run.membership.clone());
        let unguarded = known.is_some_and(|run| run.unguarded);
        let prepared = match known.and_then(|run| run.prepared.clone()) {
            Some(prepared) => prepared,
            None => match self.prepare(instance, revision) {
                Ok(prepared) => prepared,
                Err(Unprepared::Waits(secrets)) => {
                    self.parked_watches.push(ParkedWatch {
                        instance,
                        generation,
                        revision,
                        ready,
                        live,
                    });
                    self.fetch(secrets);
                    return;
                }
                Err(Unprepared::Failed(cause)) => {
                    self.queue.push_back(Event::NotReady {
                        instance,
                        generation,
                        evidence: format!("its probes cannot be asked: {cause}").into(),
                    });
                    return;
                }
            },
        };
        let probes = prepared.probes.clone();
        self.book.put_run(
            instance,
            Run {
                generation,
                revision,
                prepared: Some(prepared),
                membership,
                unguarded,
            },
        );
        self.probes
            .watch(instance, generation, &probes, (ready, live));
    }

    /// A probe is due.
    pub(crate) fn ask(&mut self, watch: WatchId) {
        let Some((generation, probe)) = self.probes.due(watch) else {
            return;
        };
        let (outbox, timeout) = (self.outbox.clone(), probe.timeout);
        let role = probe.role;
        let check = probe.check.clone();
        let Check::Command(command) = check else {
            tokio::spawn(async move {
                let outcome = check.run(timeout).await;
                let _ = outbox.send(Incoming::Probed { watch, outcome });
            });
            return;
        };
        let run = self.book.run(watch.instance);
        let prepared = run.and_then(|run| run.prepared.clone());
        let session = prepared
            .as_ref()
            .and_then(|prepared| self.sessions.get(&prepared.target))
            .cloned();
        let name = self.world.instance_id(watch.instance);
        let (Some(prepared), Some(session), Some(instance)) = (prepared, session, name) else {
            return;
        };
        let job = JobRequest {
            name: format!("probe-{}-{instance}-{}", role.as_str(), watch.number()).into(),
            command: command.argv.clone(),
            env: Vec::new(),
            folder: None,
            time_limit: timeout,
            capture: CAPTURE,
            place: JobPlace::Instance {
                instance,
                generation,
                from: prepared.recorded.clone(),
            },
        };
        tokio::spawn(async move {
            let begin = tokio::time::Instant::now();
            let mut outcome = match session.job(job).await {
                Ok(job) => judged(&command, &job, timeout),
                Err(error) => command.judge(&CommandEnd::Unknown(error.to_string()), &[]),
            };
            outcome.took = begin.elapsed();
            let _ = outbox.send(Incoming::Probed { watch, outcome });
        });
    }

    /// A probe was answered.
    pub(crate) fn probed(&mut self, watch: WatchId, outcome: &Outcome) {
        let Some((generation, verdicts)) = self.probes.note(watch, outcome) else {
            return;
        };
        let instance = watch.instance;
        for verdict in verdicts {
            self.queue.push_back(match verdict {
                Verdict::Ready => Event::Ready {
                    instance,
                    generation,
                },
                Verdict::NotReady(evidence) => Event::NotReady {
                    instance,
                    generation,
                    evidence: evidence.into(),
                },
                Verdict::Live => Event::Live {
                    instance,
                    generation,
                },
                Verdict::NotLive(evidence) => Event::NotLive {
                    instance,
                    generation,
                    evidence: evidence.into(),
                },
            });
        }
    }
}

fn judged(
    command: &CommandCheck,
    job: &gantry_driver::JobOutcome,
    timeout: std::time::Duration,
) -> Outcome {
    let end = match &job.exit {
        _ if job.timed_out => CommandEnd::TimedOut(timeout),
        ExitStatus::Code(code) => CommandEnd::Code(*code),
        ExitStatus::Signal(signal) => CommandEnd::Signal(*signal),
        ExitStatus::Unknown(reason) => CommandEnd::Unknown(reason.to_string()),
    };
    let said = if job.stderr.trim().is_empty() {
        &job.stdout
    } else {
        &job.stderr
    };
    let lines: Vec<_> = said.lines().map(str::to_owned).collect();
    command.judge(&end, &lines)
}
