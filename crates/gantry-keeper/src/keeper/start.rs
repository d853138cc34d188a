//! Starting a program.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use gantry_log::{LogWriter, Policy};
use gantry_sys::{
    Environment, Group, Passed, RLimit, Spawn, SpawnError, Stage, SysError, TreeLimits,
};

use super::births::{Begun, JobWish, TimedJob, trouble};
use super::job_log::JobWriter;
use super::prepare::prepare;
use super::run::{Capture, Log, Run, RunId, What};
use super::sockets::{give_sockets, passed};
use super::streams::Streams;
use super::timers::Timer;
use super::voice::Speech;
use super::{Keeper, boot_millis, now_us, written_down};
use crate::guard::MARK;
use crate::intent::log_number;
use crate::ledger::{Entry, Starting};
use crate::protocol::{self, Command, JobLog, LogPolicy, Proof, Refusal, Reply, Voice};

impl Keeper<'_> {
    pub(super) fn spawn_instance(&mut self, spawn: protocol::Spawn) -> Result<Reply, Refusal> {
        let protocol::Spawn {
            instance: name,
            generation,
            command,
            log: policy,
        } = spawn;
        if self.shutting_down {
            return Err(Refusal::ShuttingDown);
        }
        let mut log = None;
        if let Some(id) = self.instances.get(&name).copied() {
            if self.births.iter().any(|begun| begun.id == id) {
                self.settle();
            }
            let known = match self.runs.get(&id).map(|run| &run.what) {
                Some(What::Instance { generation, .. }) => *generation,
                _ => 0,
            };
            let over = self.look_whether_over(id);
            // Asked again because the answer was lost, it is known. But once its end was acknowledged
            // too, whoever asks counts wrongly, and must not believe that it runs.
            if known == generation && !(over && self.events.has_seen_end(&name, generation)) {
                return Ok(Reply::Known);
            }
            if known >= generation {
                return Err(Refusal::Superseded {
                    instance: name,
                    generation: known,
                });
            }
            if !over {
                return Err(Refusal::NotOver {
                    instance: name,
                    generation: known,
                });
            }
            if let Some(mut before) = self.runs.remove(&id) {
                self.leave_output(&mut before);
                log = Self::take_log(&mut before);
                self.close_run(before);
            }
        }
        let rotation = policy.rotation();
        // The log goes on where the start before has left it.
        let mut log = log.unwrap_or_else(|| {
            let folder = gantry_log::LogFolder::new(self.shared.layout.log(&name));
            let writer = LogWriter::new(folder, rotation);
            Box::new(Log::new(writer, log_number(name.as_str()), policy.overflow))
        });
        log.writer.set_policy(rotation);
        log.overflow = policy.overflow;
        let retry = log.blocked;
        let what = What::Instance {
            name: name.clone(),
            generation,
            log,
        };
        let id = self.start(
            what,
            &command,
            policy,
            None,
            &format!("{name}@{generation}"),
            &format!("{name}/{generation}"),
        );
        if retry {
            self.timers.set(Instant::now(), Timer::LogRetry(id));
        }
        Ok(Reply::Done)
    }

    fn take_log(run: &mut Run) -> Option<Box<Log>> {
        let What::Instance { log, .. } = &mut run.what else {
            return None;
        };
        let nowhere = LogWriter::new(gantry_log::LogFolder::new("/"), Policy::default());
        let empty = Box::new(Log::new(nowhere, 0, log.overflow));
        Some(std::mem::replace(log, empty))
    }

    pub(super) fn spawn_job(&mut self, wish: JobWish, command: &Command) -> Result<Reply, Refusal> {
        let JobWish {
            name,
            limit,
            grace,
            capture,
            log,
            input,
        } = wish;
        if self.shutting_down {
            return Err(Refusal::ShuttingDown);
        }
        if self.jobs.contains_key(&name) || self.events.has_ended(&name) {
            return Ok(Reply::Known);
        }
        let mark = format!("job:{name}").replace(['\0', '\n'], " ");
        let what = What::Job {
            name,
            capture: Box::new(Capture {
                limit: usize::try_from(capture).unwrap_or(usize::MAX),
                grace,
                kept: [Vec::new(), Vec::new()],
                dropped: 0,
                log: self.job_log(log),
                incomplete: false,
                timed_out: false,
                cancelled: false,
            }),
        };
        let until = boot_millis().saturating_add(u64::try_from(limit.as_millis()).unwrap_or(0));
        // Numbers of runs begin anew with each keeper, moments do not.
        let group = format!("job@{}-{}", now_us(), self.next_run);
        let job = TimedJob {
            until,
            capture,
            limit,
            input,
        };
        self.start(
            what,
            command,
            LogPolicy::default(),
            Some(job),
            &group,
            &mark,
        );
        Ok(Reply::Done)
    }

    pub(super) fn job_log(&self, log: Option<Box<JobLog>>) -> Option<JobWriter> {
        log.map(|of| JobWriter::new(&self.shared.layout, of))
    }

    /// Begin to start it. Whether that went well is told when it is through.
    fn start(
        &mut self,
        what: What,
        command: &Command,
        log: LogPolicy,
        job: Option<TimedJob>,
        group: &str,
        mark: &str,
    ) -> RunId {
        let lane = self.free_lane();
        let id = self.next_run;
        self.next_run += 1;
        let mark = format!("{}/{mark}", self.hash);
        let mut run = Run {
            what,
            process: None,
            boot_id: self.shared.boot_id.clone(),
            started_us: now_us(),
            ended_us: None,
            exit: None,
            failure: None,
            tree_empty: true,
            group: None,
            limits: Vec::new(),
            out_of_memory: None,
            not_applied: Vec::new(),
            proof: Proof::Lineage,
            mark: format!("{MARK}={mark}"),
            pipes: [None, None],
            terminal: None,
            hung_up: false,
            speech: None,
            sockets: Vec::new(),
            pidfd: None,
            adopted: false,
            unguarded: false,
            stop: None,
            stopped: false,
            dirty: true,
        };
        let begun = self.begin(lane, id, &mut run, command, log, job, group, &mark);
        match &run.what {
            What::Instance { name, .. } => self.instances.insert(name.clone(), id),
            What::Job { name, .. } => self.jobs.insert(name.clone(), id),
        };
        self.runs.insert(id, run);
        match begun {
            Ok(begun) => self.births.push_back(begun),
            Err(error) => self.through(id, Err(error), None),
        }
        id
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one caller, which has them all at hand"
    )]
    fn begin(
        &mut self,
        lane: usize,
        id: RunId,
        run: &mut Run,
        command: &Command,
        log: LogPolicy,
        job: Option<TimedJob>,
        group: &str,
        mark: &str,
    ) -> Result<Begun, SpawnError> {
        let mut prepared = prepare(command, mark)?;
        let streams = if command.terminal && job.is_none() {
            let user = prepared.credentials.as_ref().map(|who| who.uid);
            Streams::terminal(user).map_err(|error| SpawnError {
                stage: Stage::Terminal,
                ..trouble(error)
            })?
        } else {
            let input = job.as_ref().and_then(|job| job.input.as_ref());
            let input = input.map(|bytes| bytes.0.as_slice());
            Streams::pipes(&self.pipes, input).map_err(trouble)?
        };
        let voice = if job.is_none() {
            command.voice
        } else {
            Voice::default()
        };
        let mut own_pid = self.give_voice(&voice, &mut prepared.env);
        let sockets = self.sockets_of(run, command, voice.fd)?;
        if give_sockets(&command.sockets, &sockets, &mut prepared.env) {
            own_pid.push("LISTEN_PID");
        }
        let ready = Speech::pipe(&self.pipes, &voice).map_err(trouble)?;
        let name = group;
        let group = match &self.cgroups {
            Ok(root) => Some(root.group(name).map_err(trouble)?),
            Err(_) => None,
        };
        let group_fd = group
            .as_ref()
            .map(Group::open)
            .transpose()
            .map_err(trouble)?;
        run.group.clone_from(&group);
        if group.is_some() {
            run.proof = Proof::Cgroup;
        }
        let joined = self.limit_tree(run, name, command).map_err(trouble)?;
        let join: Vec<_> = joined.iter().map(AsFd::as_fd).collect();
        // Before it is written down: whoever reads that finds here whether it was born.
        let witness = self.shared.begin_spawn(lane, &run.mark);
        self.note(&Entry::Starting(Box::new(Starting {
            key: run.key(),
            at_us: run.started_us,
            pipes: streams.written_down(),
            group: group
                .as_ref()
                .and_then(|group| group.path().to_str().map(Into::into)),
            limits: run
                .limits
                .iter()
                .filter_map(|group| group.path().to_str().map(Into::into))
                .collect(),
            log,
            job: job.as_ref().map(|job| (job.until, job.capture)),
            job_grace_ms: job_grace(&run.what),
            job_log: job_log(&run.what),
            behind: behind(&run.what),
            guard: Some((self.shared.guard().pid, self.shared.guard().start_time)),
            voice,
            ready: ready.as_ref().map(|(pipe, _)| written_down(&pipe.read)),
            sockets: run.sockets.clone(),
            terminal: streams.terminal_written_down(),
        })));
        let base = if command.inherit_env {
            &self.shared.environment
        } else {
            &Environment::empty()
        };
        if streams.is_terminal()
            && prepared
                .env
                .get("TERM")
                .or_else(|| base.get("TERM"))
                .is_none()
        {
            prepared.env.set("TERM", "xterm");
        }
        let path = prepared.env.get("PATH").or_else(|| base.get("PATH"));
        let mut limits = Vec::new();
        limits.extend(command.limits.core.map(RLimit::Core));
        limits.extend(command.limits.open_files.map(RLimit::OpenFiles));
        let listening = passed(&self.sockets, &sockets);
        let speaking = ready.iter().map(|(pipe, number)| Passed {
            fd: pipe.write.as_fd(),
            number: *number,
        });
        let passed: Vec<Passed<'_>> = listening.chain(speaking).collect();
        let birth = self.spawner.begin(
            Some(&self.shared.slots),
            &Spawn {
                programs: &gantry_sys::candidates(&prepared.argv[0], path),
                argv: &prepared.argv,
                env: &base.below(&prepared.env),
                cwd: &prepared.cwd,
                credentials: prepared.credentials.as_ref(),
                umask: command.umask,
                limits: &limits,
                open_files: Some((self.shared.open_files.soft, self.shared.open_files.hard)),
                nice: command.limits.nice,
                scheduling: prepared.scheduling,
                sandbox: prepared.sandbox.as_ref(),
                join: &join,
                oom_score: command.limits.oom_score,
                stdio: streams.stdio(self.shared.slots.null()),
                terminal: streams.is_terminal(),
                passed: &passed,
                own_pid: &own_pid,
                cgroup: group_fd.as_ref().map(AsFd::as_fd),
                witness: Some(witness),
            },
        );
        Ok(Begun {
            id,
            birth: birth?,
            streams,
            voice,
            ready: ready.map(|(pipe, _)| pipe.read),
            limit: job.map(|job| job.limit),
            _joined: joined,
        })
    }

    /// Tell a service by which means it can speak. Gives the variables that its pid goes into.
    fn give_voice(&self, voice: &Voice, env: &mut Environment) -> Vec<&'static str> {
        if let Some(fd) = voice.fd {
            env.set("GANTRY_READY_FD", &fd.to_string());
        }
        let Some(letters) = self.shared.letters.as_ref().filter(|_| voice.notify) else {
            return Vec::new();
        };
        env.set("NOTIFY_SOCKET", &letters.address());
        let Some(every) = voice.watchdog_ms else {
            return Vec::new();
        };
        env.set("WATCHDOG_USEC", &every.saturating_mul(1000).to_string());
        vec!["WATCHDOG_PID"]
    }

    /// Limit the tree that is about to be born, before it can take anything. What it is to join is
    /// answered; what could not be limited stands in the run.
    fn limit_tree(
        &self,
        run: &mut Run,
        name: &str,
        command: &Command,
    ) -> Result<Vec<File>, SysError> {
        let wanted = command.resources;
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let root = match (&self.cgroups, &run.group) {
            (Ok(root), Some(group)) => Ok((root, group)),
            (Ok(_), None) => Err("it has no cgroup"),
            (Err(why), _) => Err(why.as_str()),
        };
        let old = self.old_groups.as_ref().map_err(String::as_str);
        let limited = gantry_sys::limit_tree(
            root,
            old,
            name,
            &TreeLimits {
                memory: wanted.memory,
                cpu_millis: wanted.cpu_millis,
                pids: wanted.pids,
                io_weight: wanted.io_weight,
            },
        );
        run.not_applied = limited.not_applied;
        run.limits = limited.join;
        run.limits.iter().map(Group::procs).collect()
    }
}

/// How long a job has to end when it is asked to, for the ledger.
fn job_grace(what: &What) -> u32 {
    let What::Job { capture, .. } = what else {
        return 0;
    };
    u32::try_from(capture.grace.as_millis()).unwrap_or(u32::MAX)
}

/// Where a job's output goes, for the ledger.
fn job_log(what: &What) -> Option<Box<JobLog>> {
    let What::Job { capture, .. } = what else {
        return None;
    };
    capture.log.as_ref().map(|log| Box::new(log.of().clone()))
}

/// What an instance's starts before have left in their pipes, for the ledger.
fn behind(what: &What) -> Vec<(u8, i32, u64)> {
    let What::Instance { log, .. } = what else {
        return Vec::new();
    };
    let of = |(stream, pipe): &(u8, OwnedFd)| {
        let (fd, inode) = written_down(pipe);
        (*stream, fd, inode)
    };
    log.behind.iter().map(of).collect()
}
