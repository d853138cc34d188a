//! What the supervisor asks.

use std::time::{Duration, Instant};

use camino::Utf8PathBuf;

use super::births::JobWish;
use super::run::{Run, RunId, What};
use super::{Keeper, boot_millis};
use crate::layout::{FIRST_PAIR, LAST_PAIR};
use crate::ledger::Entry;
use crate::protocol::{
    Generation, InstanceName, InstanceState, JobState, Listing, Message, PROTOCOL_VERSION,
    ProcessId, Proof, Refusal, Reply, Request, RequestFrame, Role, Scope, Welcome,
};

impl Keeper<'_> {
    /// Carry out a request and answer it.
    pub(super) fn request(&mut self, from: u32, frame: RequestFrame) {
        let RequestFrame { id, request } = frame;
        if let Request::Hello(hello) = request {
            if hello.version == PROTOCOL_VERSION {
                self.welcome(from, hello.role, hello.seen, hello.pid);
            } else {
                let refusal = Refusal::Version {
                    keeper: PROTOCOL_VERSION,
                    client: hello.version,
                };
                self.reply(from, id, Reply::Refused(refusal));
                self.flush(from);
                self.hang_up(from);
            }
            return;
        }
        let allowed = match self.connections.role(from) {
            Some(Role::Supervisor) => true,
            Some(Role::Observer) => matches!(request, Request::List | Request::Pair { .. }),
            Some(Role::Terminal) => return self.terminal_request(from, id, request),
            None => false,
        };
        if matches!(request, Request::Shutdown) {
            self.shared.set_shut_down_by(self.connections.pid(from));
        }
        let reply = if allowed {
            self.carry_out(request).unwrap_or_else(Reply::Refused)
        } else {
            Reply::Refused(Refusal::Role)
        };
        if id != 0 {
            self.reply(from, id, reply);
        }
    }

    /// A frame that is no request: newer than we are, or broken.
    pub(super) fn refuse_noise(&mut self, from: u32, error: &serde_json::Error) {
        let refusal = Refusal::Failed {
            message: format!("not a request: {error}"),
        };
        self.reply(from, 0, Reply::Refused(refusal));
    }

    pub(super) fn reply(&mut self, to: u32, id: u64, reply: Reply) {
        self.send(to, &Message::Reply { id, reply });
    }

    fn welcome(&mut self, from: u32, role: Role, seen: u64, pid: Option<u32>) {
        if role == Role::Supervisor {
            if let Some((before, _)) = self.connections.supervisor()
                && before != from
            {
                self.hang_up(before);
            }
            self.acknowledge(seen);
        }
        let (proof, no_cgroup) = match &self.cgroups {
            Ok(_) => (Proof::Cgroup, None),
            Err(why) => (Proof::Lineage, Some(why.clone())),
        };
        let welcome = Welcome {
            version: PROTOCOL_VERSION,
            release: env!("CARGO_PKG_VERSION").to_owned(),
            keeper_pid: std::process::id(),
            guard_pid: Some(self.shared.guard().pid),
            boot_id: self.shared.boot_id.to_string(),
            keeper_starts: self.shared.keeper_starts(),
            last_sequence: self.events.last(),
            proof,
            no_cgroup,
            capacity: self.shared.capacity(),
            salvaged: self.salvaged,
        };
        // All that was not acknowledged is sent again, from the beginning.
        self.connections.introduce(from, role, pid);
        self.send(from, &Message::Hello(welcome));
    }

    fn carry_out(&mut self, request: Request) -> Result<Reply, Refusal> {
        if !matches!(request, Request::Spawn(..) | Request::Job { .. }) {
            self.settle();
        }
        match request {
            Request::Hello(_)
            | Request::Attach { .. }
            | Request::Input { .. }
            | Request::Resize { .. } => Err(Refusal::Role),
            Request::Spawn(spawn) => self.spawn_instance(spawn),
            Request::Signal {
                instance,
                generation,
                signal,
                scope,
            } => {
                let id = self.find(&instance, generation)?;
                self.signal(id, signal, scope)
            }
            Request::Stop {
                instance,
                generation,
                signal,
                grace_ms,
            } => {
                let id = self.find(&instance, generation)?;
                self.stop(id, signal, Duration::from_millis(grace_ms));
                Ok(Reply::Done)
            }
            Request::Job {
                job,
                command,
                time_limit_ms,
                capture,
                log,
                input,
                grace_ms,
            } => {
                let wish = JobWish {
                    name: job,
                    limit: Duration::from_millis(time_limit_ms),
                    grace: Duration::from_millis(grace_ms),
                    capture,
                    log,
                    input,
                };
                self.spawn_job(wish, &command)
            }
            Request::CancelJob { job } => {
                let id = self
                    .jobs
                    .get(&job)
                    .copied()
                    .ok_or_else(|| Refusal::NotFound {
                        what: format!("job {job}"),
                    })?;
                let mut grace = Duration::ZERO;
                if let Some(Run {
                    what: What::Job { capture, .. },
                    exit: None,
                    ..
                }) = self.runs.get_mut(&id)
                {
                    capture.cancelled = true;
                    grace = capture.grace;
                }
                self.stop(id, 15, grace);
                Ok(Reply::Done)
            }
            Request::List => Ok(Reply::Listing(self.listing())),
            Request::Ack { sequence } => {
                self.acknowledge(sequence);
                Ok(Reply::Done)
            }
            Request::Forget {
                instance,
                generation,
            } => self.forget(&instance, generation),
            Request::Release { service } => self.release(&service),
            Request::Pair { number } => self.want_pair(number),
            Request::Shutdown => self.shut_down(),
        }
    }

    pub(super) fn find(
        &self,
        instance: &InstanceName,
        generation: Generation,
    ) -> Result<RunId, Refusal> {
        let not_found = || Refusal::NotFound {
            what: format!("{instance} generation {generation}"),
        };
        let id = *self.instances.get(instance).ok_or_else(not_found)?;
        match self.runs.get(&id).map(|run| &run.what) {
            Some(What::Instance { generation: of, .. }) if *of == generation => Ok(id),
            _ => Err(not_found()),
        }
    }

    fn signal(&mut self, id: RunId, signal: i32, scope: Scope) -> Result<Reply, Refusal> {
        let Some(run) = self.runs.get(&id) else {
            return Ok(Reply::Done);
        };
        let failed = |error: gantry_sys::SysError| Refusal::Failed {
            message: error.to_string(),
        };
        let gone = || Refusal::NotFound {
            what: format!("a living process of {}", run.label()),
        };
        if !(1..=64).contains(&signal) {
            return Err(Refusal::Failed {
                message: format!("{signal} is not a signal"),
            });
        }
        let leader = run.leader().filter(|_| run.exit.is_none());
        match (scope, leader) {
            (Scope::Leader | Scope::Group, None) => Err(gone()),
            (Scope::Leader, Some(leader)) => match gantry_sys::send(leader, signal) {
                Ok(true) => Ok(Reply::Done),
                Ok(false) => Err(gone()),
                Err(error) => Err(failed(error)),
            },
            (Scope::Group, Some(leader)) => {
                // Its exit is not known yet, so it is not waited for, so its number is its own.
                if leader.exists() && gantry_sys::kill_group(leader, signal).map_err(failed)? {
                    Ok(Reply::Done)
                } else {
                    Err(gone())
                }
            }
            (Scope::Tree, _) => {
                self.signal_tree(id, signal);
                Ok(Reply::Done)
            }
        }
    }

    fn forget(
        &mut self,
        instance: &InstanceName,
        generation: Generation,
    ) -> Result<Reply, Refusal> {
        let id = self.find(instance, generation)?;
        if !self.look_whether_over(id) {
            return Err(Refusal::NotOver {
                instance: instance.clone(),
                generation,
            });
        }
        if let Some(run) = self.runs.remove(&id) {
            self.instances.remove(instance);
            self.note(&Entry::Forget { key: run.key() });
            let _ = std::fs::remove_file(self.shared.layout.run_file(instance));
            self.close_run(run);
        }
        Ok(Reply::Done)
    }

    fn want_pair(&self, number: u32) -> Result<Reply, Refusal> {
        let pair = self.shared.layout.pair();
        if pair != FIRST_PAIR || !(FIRST_PAIR + 1..=LAST_PAIR).contains(&number) {
            return Err(Refusal::Failed {
                message: format!("pair {pair} starts no pair {number}"),
            });
        }
        self.shared.want_pair(number);
        Ok(Reply::Done)
    }

    pub(super) fn shut_down(&mut self) -> Result<Reply, Refusal> {
        let ids: Vec<RunId> = self.runs.keys().copied().collect();
        let living: Vec<RunId> = ids
            .into_iter()
            .filter(|id| !self.look_whether_over(*id))
            .collect();
        if let Some(first) = living.first().and_then(|id| self.runs.get(id)) {
            return Err(Refusal::NotEmpty {
                count: living.len() as u64,
                first: first.label(),
            });
        }
        self.release_all();
        // The next life of the stack begins with nothing: what is over, and was told, is history.
        // Only the numbers of events go on.
        let keys: Vec<_> = self.runs.values().map(Run::key).collect();
        for key in keys {
            self.note(&Entry::Forget { key });
        }
        self.note(&Entry::Ack {
            sequence: self.events.last(),
        });
        self.shutting_down = true;
        // Nothing that matters is to come: whoever is killed from here on needs no successor.
        self.shared.set_shut_down();
        Ok(Reply::Done)
    }

    fn process_id(run: &Run) -> Option<ProcessId> {
        run.leader().map(|process| ProcessId {
            pid: process.pid,
            start_time: process.start_time,
            boot_id: run.boot_id.to_string(),
        })
    }

    pub(super) fn instance_state(run: &Run) -> Option<InstanceState> {
        let What::Instance {
            name, generation, ..
        } = &run.what
        else {
            return None;
        };
        Some(InstanceState {
            instance: name.clone(),
            generation: *generation,
            process: Self::process_id(run),
            started_us: run.started_us,
            ended_us: run.ended_us,
            proof: run.proof,
            phase: run.phase(),
            adopted: run.adopted,
            unguarded: run.unguarded && run.exit.is_none(),
            said: run
                .speech
                .as_ref()
                .map(|speech| speech.said.clone())
                .filter(|said| said.count > 0),
            not_applied: run.not_applied.clone(),
            out_of_memory: run.out_of_memory,
            groups: run
                .group
                .iter()
                .chain(&run.limits)
                .filter_map(|group| Utf8PathBuf::try_from(group.path().to_owned()).ok())
                .collect(),
        })
    }

    fn listing(&mut self) -> Listing {
        let mut listing = Listing {
            sequence: self.events.last(),
            foreign_messages: self.foreign_letters,
            ..Listing::default()
        };
        for run in self.runs.values() {
            match &run.what {
                What::Instance { .. } => listing.instances.extend(Self::instance_state(run)),
                What::Job { name, .. } if run.exit.is_none() => {
                    listing
                        .jobs
                        .extend(Self::process_id(run).map(|process| JobState {
                            job: name.clone(),
                            process,
                            started_us: run.started_us,
                        }));
                }
                What::Job { .. } => {}
            }
        }
        listing
    }
}

/// A moment of the boot's clock as one of this process's.
pub(super) fn instant_of(boot_ms: u64) -> Instant {
    let now = Instant::now();
    let now_ms = boot_millis();
    if boot_ms >= now_ms {
        after(now, Duration::from_millis(boot_ms - now_ms))
    } else {
        now.checked_sub(Duration::from_millis(now_ms - boot_ms))
            .unwrap_or(now)
    }
}

/// A moment so much later; one that is too far away to be named means never, which a year is.
pub(super) fn after(now: Instant, wait: Duration) -> Instant {
    now.checked_add(wait)
        .unwrap_or(now + Duration::from_hours(24 * 365))
}
