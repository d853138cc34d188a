//! Watching probes: who is asked when, by whom, and what becomes of the answers.

use futures::StreamExt as _;
use gantry_core::{Event, ExitStatus, Generation, InstanceKey, Millis, Revision};
use gantry_driver::{JobPlace, JobRequest, LogFrom, LogRequest, OutputStream, Owner, Said};
use gantry_probe::command::{CommandCheck, CommandEnd};
use gantry_probe::log::LogCheck;
use gantry_probe::{Check, Outcome};
use jiff::Timestamp;
use tokio_util::task::AbortOnDropHandle;

use crate::book::Run;
use crate::dispatcher::Dispatcher;
use crate::effects::probes::{BackendWord, Verdict, WatchId};
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
        // What is known of the same instance counts on where only its probes are others.
        let known = known.filter(|run| {
            run.generation == generation
                && (run.revision == revision || self.is_like(instance, run.revision, revision))
        });
        let is_same = known.is_some_and(|run| run.revision == revision);
        let (membership, warnings) = known
            .map(|run| (run.membership.clone(), run.warnings.clone()))
            .unwrap_or_default();
        let unguarded = known.is_some_and(|run| run.unguarded);
        let said = known.and_then(|run| run.said.clone());
        let since = known.and_then(|run| run.since);
        let backend = known.map_or_else(
            || self.first_word(instance, revision),
            |run| run.backend.clone(),
        );
        let prepared = known.filter(|_| is_same);
        let prepared = match prepared.and_then(|run| run.prepared.clone()) {
            Some(prepared) => prepared,
            None => match self.prepare(instance, revision) {
                Ok(prepared) => Box::new(self.book.packet(instance.service, &prepared)),
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
                since,
                said: said.clone(),
                backend: backend.clone(),
                warnings,
            },
        );
        self.probes
            .watch(instance, generation, &probes, (ready, live));
        for number in self.passed(instance, generation) {
            self.probes.pass(instance, number);
        }
        // Both may have spoken before anyone listened. The backend is heard first: what the instance has
        // said is not to count before.
        let mut verdicts = self.probes.tell_backend(instance, generation, &backend);
        let said = said.unwrap_or_default();
        verdicts.extend(self.probes.tell(instance, generation, &said));
        self.decided(instance, generation, verdicts);
    }

    /// Whether two revisions of a service differ in nothing that its backend is given.
    fn is_like(&self, instance: InstanceKey, one: Revision, other: Revision) -> bool {
        let of = |revision| {
            let definition = self.book.definition(instance.service, revision)?;
            Some((definition.spec.value(), definition.env.value()))
        };
        match (of(one), of(other)) {
            (Some(one), Some(other)) => one == other,
            _ => false,
        }
    }

    /// What is known of a backend's judgement before it has spoken.
    pub(crate) fn first_word(&self, instance: InstanceKey, revision: Revision) -> BackendWord {
        let definition = self.book.definition(instance.service, revision);
        let driver = definition.and_then(|it| self.sessions.drivers.of(it.mode()));
        match driver.map(|driver| driver.capabilities().readiness) {
            Some(Owner::Backend) => BackendWord::Awaited,
            _ => BackendWord::Nobody,
        }
    }

    /// A backend said whether an instance is ready. Gives what follows.
    pub(crate) fn backend_says(
        &mut self,
        instance: InstanceKey,
        generation: Generation,
        word: BackendWord,
    ) -> Vec<Event> {
        let run = self.book.run_mut(instance);
        let Some(run) = run.filter(|run| run.generation == generation) else {
            return Vec::new();
        };
        let verdicts = self.probes.tell_backend(instance, generation, &word);
        run.backend = word;
        let events = verdicts.into_iter();
        events.map(|it| it.event(instance, generation)).collect()
    }

    /// The probes of this start that passed once for all under an earlier supervisor.
    fn passed(&self, instance: InstanceKey, generation: Generation) -> Vec<usize> {
        let name = self.world.instance_id(instance);
        let start = name.and_then(|name| self.journal.get(&name));
        let start = start.filter(|start| start.generation == generation);
        start.map_or_else(Vec::new, |start| start.passed.clone())
    }

    /// Read the output of an instance from its start on, until a line answers.
    fn read_output(&mut self, watch: WatchId, check: LogCheck) {
        let run = self.book.run(watch.instance);
        let since = run.and_then(|run| run.since);
        let target = run.and_then(|run| Some(run.prepared.as_ref()?.target.clone()));
        let session = target.and_then(|target| self.sessions.get(&target).cloned());
        let name = self.world.instance_id(watch.instance);
        let (Some(session), Some(instance)) = (session, name) else {
            return;
        };
        let outbox = self.outbox.clone();
        let reading = tokio::spawn(async move {
            let mut lines = session.logs(LogRequest {
                instance,
                child: None,
                from: since.map_or(LogFrom::Start, LogFrom::Since),
                follow: true,
            });
            let outcome = loop {
                match lines.next().await {
                    Some(Ok(line)) if line.stream == OutputStream::Note => {}
                    Some(Ok(line)) => {
                        if let Some(outcome) = check.judge(&line.text) {
                            break outcome;
                        }
                    }
                    Some(Err(error)) => break Outcome::unhealthy(error.to_string()),
                    None => break check.awaited(),
                }
            };
            let _ = outbox.send(Incoming::Probed { watch, outcome });
        });
        self.probes.keep(watch, AbortOnDropHandle::new(reading));
    }

    /// An instance said something of itself, or was found to have. Gives what follows.
    pub(crate) fn said(
        &mut self,
        instance: InstanceKey,
        generation: Generation,
        said: &Said,
    ) -> Vec<Event> {
        let run = self.book.run_mut(instance);
        let Some(run) = run.filter(|run| run.generation == generation) else {
            return Vec::new();
        };
        let before = run.said.take().map(|said| *said).unwrap_or_default();
        if said.count <= before.count {
            run.said = (before.count > 0).then(|| Box::new(before));
            return Vec::new();
        }
        run.said = Some(Box::new(said.clone()));
        let mut events = Vec::new();
        if let Some(pid) = said.leader.filter(|_| said.leader != before.leader) {
            events.push(Event::Leader {
                instance,
                generation,
                pid,
            });
        }
        if let Some(until) = said.until.filter(|_| said.until != before.until) {
            // By the clock that it was told by, which may have been set since we began.
            let left = until.duration_since(Timestamp::now()).as_millis();
            if let Ok(left) = u64::try_from(left) {
                events.push(Event::MoreTime {
                    instance,
                    generation,
                    wanted: Millis(left),
                });
            }
        }
        let verdicts = self.probes.tell(instance, generation, said);
        events.extend(
            verdicts
                .into_iter()
                .map(|it| it.event(instance, generation)),
        );
        events
    }

    /// A probe is due.
    pub(crate) fn ask(&mut self, watch: WatchId) {
        let Some((generation, probe)) = self.probes.due(watch) else {
            return;
        };
        let (outbox, timeout) = (self.outbox.clone(), probe.timeout);
        let role = probe.role;
        let check = probe.check.clone();
        let command = match check {
            Check::Command(command) => command,
            Check::Log(check) => return self.read_output(watch, check),
            check => {
                tokio::spawn(async move {
                    let outcome = check.run(timeout).await;
                    let _ = outbox.send(Incoming::Probed { watch, outcome });
                });
                return;
            }
        };
        let run = self.book.run(watch.instance);
        let prepared = run.and_then(|run| run.prepared.as_ref());
        let session = prepared
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
            once: false,
            log_as: None,
            input: None,
            grace: std::time::Duration::ZERO,
            place: JobPlace::Instance {
                instance,
                generation,
                from: prepared.recorded(),
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
        if outcome.healthy
            && self.probes.is_once(watch)
            && let Some(name) = self.world.instance_id(watch.instance)
        {
            self.journal.note_passed(&name, generation, watch.number());
        }
        self.decided(watch.instance, generation, verdicts);
    }

    fn decided(&mut self, instance: InstanceKey, generation: Generation, verdicts: Vec<Verdict>) {
        let events = verdicts.into_iter();
        self.queue
            .extend(events.map(|verdict| verdict.event(instance, generation)));
    }
}

impl Verdict {
    /// The same in the core's words.
    fn event(self, instance: InstanceKey, generation: Generation) -> Event {
        match self {
            Self::Ready => Event::Ready {
                instance,
                generation,
            },
            Self::NotReady(evidence) => Event::NotReady {
                instance,
                generation,
                evidence: evidence.into(),
            },
            Self::Live => Event::Live {
                instance,
                generation,
            },
            Self::NotLive(evidence) => Event::NotLive {
                instance,
                generation,
                evidence: evidence.into(),
            },
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
        exit @ ExitStatus::OutOfMemory { .. } => CommandEnd::Unknown(exit.sentence().to_string()),
    };
    let said = if job.stderr.trim().is_empty() {
        &job.stdout
    } else {
        &job.stderr
    };
    let lines: Vec<_> = said.lines().map(str::to_owned).collect();
    command.judge(&end, &lines)
}
