//! A keeper that speaks the protocol and has no processes: what it "runs" are words.
//!
//! It is for what the real one does not do on request: being away, being replaced, sending events
//! again, having an impossible past.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use gantry_keeper::layout::Layout;
use gantry_keeper::protocol::{
    Command, Event, EventBody, Exit, FrameReader, InstanceName, InstanceState, JobName, JobOutput,
    JobState, LeftProcess, Listing, Message, PROTOCOL_VERSION, Phase, ProcessId, Proof, Refusal,
    Reply, Request, RequestFrame, Spawn, SpawnFailure, Welcome, encode,
};
use gantry_log::{Record, Stream};
use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// A stack's folder with a keeper in it.
pub(crate) struct FakeKeeper {
    folder: tempfile::TempDir,
    shared: Arc<Shared>,
    listener: Mutex<Option<AbortOnDropHandle<()>>>,
}

struct Shared {
    layout: Layout,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    instances: BTreeMap<InstanceName, Instance>,
    jobs: BTreeMap<JobName, Job>,
    events: VecDeque<Event>,
    sequence: u64,
    connection: Option<(u64, mpsc::UnboundedSender<Message>)>,
    connections: u64,
    spawned: u32,
    /// Acknowledgements are not heard, as if they had been lost.
    deaf: bool,
    /// It is gone as soon as it is asked to close sockets.
    dies_of_release: bool,
    released: Vec<String>,
    keeper_starts: u64,
}

struct Instance {
    state: InstanceState,
    words: Vec<String>,
}

struct Job {
    started_us: i64,
    ended: Option<u64>,
}

impl FakeKeeper {
    /// A keeper with nothing, listening.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the keeper");
        let path = Utf8PathBuf::from_path_buf(folder.path().to_owned()).expect("a UTF-8 path");
        let keeper = Self {
            folder,
            shared: Arc::new(Shared {
                layout: Layout::new(path),
                state: Mutex::default(),
            }),
            listener: Mutex::default(),
        };
        keeper.come_back();
        keeper
    }

    pub(crate) fn dir(&self) -> &Utf8Path {
        Utf8Path::from_path(self.folder.path()).expect("a UTF-8 path")
    }

    /// The socket is gone, and the connection with it.
    pub(crate) fn go_away(&self) {
        self.listener.lock().unwrap().take();
        let _ = std::fs::remove_file(self.shared.layout.socket());
        self.shared.lock().connection = None;
    }

    /// It listens (again).
    pub(crate) fn come_back(&self) {
        let listener = UnixListener::bind(self.shared.layout.socket()).expect("a free socket");
        self.shared.lock().keeper_starts += 1;
        let shared = Arc::clone(&self.shared);
        let accept = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(Arc::clone(&shared), stream));
            }
        });
        *self.listener.lock().unwrap() = Some(AbortOnDropHandle::new(accept));
    }

    /// It is replaced by another, which has the same past.
    pub(crate) fn replace(&self) {
        self.go_away();
        self.come_back();
    }

    pub(crate) fn set_deaf(&self, deaf: bool) {
        self.shared.lock().deaf = deaf;
    }

    /// The next time that it is asked to close sockets, it is replaced before it answers.
    pub(crate) fn die_of_release(&self) {
        self.shared.lock().dies_of_release = true;
    }

    /// The services whose sockets it was asked to close, each as often as it was.
    pub(crate) fn released(&self) -> Vec<String> {
        self.shared.lock().released.clone()
    }

    /// How many instances were ever spawned.
    pub(crate) fn spawned(&self) -> u32 {
        self.shared.lock().spawned
    }

    /// How many events are not acknowledged.
    pub(crate) fn unacknowledged(&self) -> usize {
        self.shared.lock().events.len()
    }

    /// Reports this, whether it makes sense or not.
    pub(crate) fn emit(&self, body: EventBody) {
        self.shared.lock().emit(body);
    }

    /// Its leader ends by itself; a part of its tree stays.
    pub(crate) fn exit_with_rest(&self, name: &InstanceName, code: i32) {
        self.shared.lock().exit(name, &Exit::Code(code), true);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Whether the connection of that number was replaced, or it is away.
    fn is_over(&self, number: u64) -> bool {
        let current = self.lock().connection.as_ref().map(|(number, _)| *number);
        number != 0 && current != Some(number)
    }

    fn print(&self, instance: &InstanceName, lines: &[String]) {
        let folder = self.layout.log(instance);
        std::fs::create_dir_all(&folder).unwrap();
        let mut bytes = Vec::new();
        for line in lines {
            let record = Record {
                at: Timestamp::now(),
                stream: Stream::Out,
                full: true,
                text: line.as_bytes(),
            };
            record.write(&mut bytes);
        }
        let file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(folder.join("current"));
        file.unwrap().write_all(&bytes).unwrap();
    }

    fn request(self: &Arc<Self>, request: Request) -> Reply {
        match request {
            Request::Spawn(Spawn {
                instance,
                generation,
                command,
                ..
            }) => self.spawn(instance, generation, &command),
            Request::Stop {
                instance,
                generation,
                signal,
                grace_ms,
            } => self.stop(instance, generation, signal, grace_ms),
            Request::Job {
                job,
                command,
                time_limit_ms,
                ..
            } => self.job(job, &command, time_limit_ms),
            Request::CancelJob { job } => {
                self.lock().end_job(
                    &job,
                    Ok(Exit::Signal {
                        signal: 9,
                        core: false,
                    }),
                    "",
                    |end| {
                        if let EventBody::JobEnded { cancelled, .. } = end {
                            *cancelled = true;
                        }
                    },
                );
                Reply::Done
            }
            Request::List => Reply::Listing(self.lock().listing()),
            Request::Ack { sequence } => {
                let mut state = self.lock();
                if !state.deaf {
                    state.acknowledge(sequence);
                }
                Reply::Done
            }
            Request::Forget { instance, .. } => {
                self.lock().instances.remove(&instance);
                Reply::Done
            }
            Request::Shutdown => match self.lock().instances.values().find(|one| one.lives()) {
                Some(one) => Reply::Refused(Refusal::NotEmpty {
                    count: 1,
                    first: one.state.instance.to_string(),
                }),
                None => Reply::Done,
            },
            Request::Release { service } => {
                let mut state = self.lock();
                state.released.push(service);
                if std::mem::take(&mut state.dies_of_release) {
                    state.connection = None;
                }
                Reply::Done
            }
            Request::Hello(_)
            | Request::Signal { .. }
            | Request::Pair { .. }
            | Request::Attach { .. }
            | Request::Input { .. }
            | Request::Resize { .. } => Reply::Refused(Refusal::Role),
        }
    }

    fn spawn(self: &Arc<Self>, name: InstanceName, generation: u32, command: &Command) -> Reply {
        let mut state = self.lock();
        if let Some(known) = state.instances.get(&name) {
            let of = known.state.generation;
            if of == generation {
                return Reply::Known;
            }
            if of > generation {
                return Reply::Refused(Refusal::Superseded {
                    instance: name,
                    generation: of,
                });
            }
            if known.lives() {
                return Reply::Refused(Refusal::NotOver {
                    instance: name,
                    generation: of,
                });
            }
        }
        let words = command.argv.clone();
        let known = ["forever", "stubborn", "exit", "for", "print", "print-exit"];
        let instance = |phase, process| Instance {
            state: InstanceState {
                said: None,
                instance: name.clone(),
                generation,
                process,
                started_us: now(),
                ended_us: None,
                proof: Proof::Lineage,
                phase,
                adopted: false,
                unguarded: false,
                not_applied: Vec::new(),
                out_of_memory: None,
                groups: Vec::new(),
            },
            words: words.clone(),
        };
        if !known.contains(&words[0].as_str()) {
            let failure = SpawnFailure {
                stage: "exec".into(),
                errno: Some(2),
                message: format!("{} does not exist", words[0]),
                interrupted: words[0] == "interrupted",
            };
            let phase = Phase::Failed {
                failure: failure.clone(),
            };
            state.instances.insert(name.clone(), instance(phase, None));
            state.emit(EventBody::SpawnFailed {
                instance: name,
                generation,
                failure,
            });
            return Reply::Done;
        }
        state.spawned += 1;
        let process = ProcessId {
            pid: 10_000 + state.spawned,
            start_time: u64::from(state.spawned),
            boot_id: "boot".into(),
        };
        let running = instance(Phase::Running, Some(process.clone()));
        state.instances.insert(name.clone(), running);
        state.emit(EventBody::Spawned {
            instance: name.clone(),
            generation,
            process,
            proof: Proof::Lineage,
            not_applied: Vec::new(),
        });
        drop(state);
        self.live(name, generation, &words);
        Reply::Done
    }

    /// What the words mean.
    fn live(self: &Arc<Self>, name: InstanceName, generation: u32, words: &[String]) {
        let (time, code) = match words[0].as_str() {
            "exit" => (0, words[1].parse().unwrap()),
            "for" => (words[1].parse().unwrap(), 0),
            "print" => {
                self.print(&name, &words[1..]);
                return;
            }
            "print-exit" => {
                self.print(&name, &words[2..]);
                (0, words[1].parse().unwrap())
            }
            _ => return,
        };
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(time)).await;
            let mut state = shared.lock();
            if state.is_running(&name, generation) {
                state.exit(&name, &Exit::Code(code), false);
            }
        });
    }

    fn stop(
        self: &Arc<Self>,
        name: InstanceName,
        generation: u32,
        signal: i32,
        grace_ms: u64,
    ) -> Reply {
        let mut state = self.lock();
        let Some(one) = state
            .instances
            .get(&name)
            .filter(|one| one.state.generation == generation)
        else {
            return Reply::Refused(Refusal::NotFound {
                what: format!("{name} generation {generation}"),
            });
        };
        let stubborn = (one.words[0] == "stubborn" && signal != 9) || signal == 0;
        if stubborn && grace_ms > 0 && matches!(one.state.phase, Phase::Running) {
            let shared = Arc::clone(self);
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(grace_ms)).await;
                let mut state = shared.lock();
                if state.is_running(&name, generation) {
                    state.stopped(&name, 9, true);
                }
            });
        } else {
            state.stopped(&name, if stubborn { 9 } else { signal }, stubborn);
        }
        Reply::Done
    }

    fn job(self: &Arc<Self>, name: JobName, command: &Command, time_limit_ms: u64) -> Reply {
        let mut state = self.lock();
        if state.jobs.contains_key(&name) {
            return Reply::Known;
        }
        let started_us = now();
        let job = Job {
            started_us,
            ended: None,
        };
        state.jobs.insert(name.clone(), job);
        let words = command.argv.clone();
        let (time, code, out) = match words[0].as_str() {
            "exit" => (0, words[1].parse().unwrap(), String::new()),
            "for" => (words[1].parse().unwrap(), 0, String::new()),
            "print" => (0, 0, format!("{}\n", words[1..].join("\n"))),
            program => {
                let failure = SpawnFailure {
                    stage: "exec".into(),
                    errno: Some(2),
                    message: format!("{program} does not exist"),
                    interrupted: false,
                };
                state.end_job(&name, Err(failure), "", |_| {});
                return Reply::Done;
            }
        };
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            let limit = Duration::from_millis(time_limit_ms);
            let time = Duration::from_millis(time);
            tokio::time::sleep(time.min(limit)).await;
            let mut state = shared.lock();
            // It may have been cancelled, and another of its name be running.
            if state
                .jobs
                .get(&name)
                .is_none_or(|job| job.started_us != started_us)
            {
                return;
            }
            let late = time > limit;
            let exit = if late {
                Exit::Signal {
                    signal: 9,
                    core: false,
                }
            } else {
                Exit::Code(code)
            };
            state.end_job(&name, Ok(exit), &out, |end| {
                if let EventBody::JobEnded { timed_out, .. } = end {
                    *timed_out = late;
                }
            });
        });
        Reply::Done
    }
}

impl Instance {
    fn lives(&self) -> bool {
        match self.state.phase {
            Phase::Running | Phase::Stopping { .. } => true,
            Phase::Exited { tree_empty, .. } => !tree_empty,
            Phase::Stopped { .. } | Phase::Failed { .. } => false,
        }
    }
}

impl State {
    fn emit(&mut self, body: EventBody) {
        self.sequence += 1;
        let event = Event {
            sequence: self.sequence,
            at_us: now(),
            body,
        };
        self.events.push_back(event.clone());
        self.send(Message::Events {
            events: vec![event],
        });
    }

    fn send(&self, message: Message) {
        if let Some((_, connection)) = &self.connection {
            let _ = connection.send(message);
        }
    }

    fn acknowledge(&mut self, sequence: u64) {
        self.events.retain(|event| event.sequence > sequence);
        self.jobs
            .retain(|_, job| job.ended.is_none_or(|ended| ended > sequence));
    }

    fn is_running(&self, name: &InstanceName, generation: u32) -> bool {
        self.instances.get(name).is_some_and(|one| {
            one.state.generation == generation && matches!(one.state.phase, Phase::Running)
        })
    }

    fn exit(&mut self, name: &InstanceName, exit: &Exit, rest: bool) {
        let one = self.instances.get_mut(name).expect("a known instance");
        one.state.phase = Phase::Exited {
            exit: exit.clone(),
            tree_empty: !rest,
        };
        one.state.ended_us = Some(now());
        let generation = one.state.generation;
        let left = rest.then(|| LeftProcess {
            pid: 77,
            command: "the rest".into(),
            state: 'S',
        });
        self.emit(EventBody::Exited {
            instance: name.clone(),
            generation,
            exit: exit.clone(),
            left: left.into_iter().collect(),
            stopping: false,
            out_of_memory: None,
        });
    }

    fn stopped(&mut self, name: &InstanceName, signal: i32, killed: bool) {
        let one = self.instances.get_mut(name).expect("a known instance");
        let generation = one.state.generation;
        let was = std::mem::replace(
            &mut one.state.phase,
            Phase::Stopped {
                exit: Exit::Signal {
                    signal,
                    core: false,
                },
            },
        );
        one.state.ended_us = Some(now());
        let instance = name.clone();
        let exit = match was {
            Phase::Exited { exit, .. } | Phase::Stopped { exit } => exit,
            Phase::Failed { .. } => Exit::Unknown {
                reason: "it never ran".into(),
            },
            _ => {
                let exit = Exit::Signal {
                    signal,
                    core: false,
                };
                self.emit(EventBody::Exited {
                    instance: instance.clone(),
                    generation,
                    exit: exit.clone(),
                    left: Vec::new(),
                    stopping: true,
                    out_of_memory: None,
                });
                exit
            }
        };
        self.emit(EventBody::Stopped {
            instance,
            generation,
            exit,
            proof: Proof::Lineage,
            killed,
        });
    }

    fn end_job(
        &mut self,
        name: &JobName,
        result: Result<Exit, SpawnFailure>,
        stdout: &str,
        change: impl FnOnce(&mut EventBody),
    ) {
        let sequence = self.sequence + 1;
        let Some(job) = self.jobs.get_mut(name).filter(|job| job.ended.is_none()) else {
            return;
        };
        job.ended = Some(sequence);
        let mut body = EventBody::JobEnded {
            job: name.clone(),
            result,
            timed_out: false,
            cancelled: false,
            duration_us: u64::try_from(now() - job.started_us).unwrap_or(0),
            output: Some(JobOutput {
                stdout: stdout.to_owned(),
                ..JobOutput::default()
            }),
        };
        change(&mut body);
        self.emit(body);
    }

    fn listing(&self) -> Listing {
        let process = |pid| ProcessId {
            pid,
            start_time: 1,
            boot_id: "boot".into(),
        };
        let jobs = self.jobs.iter().filter(|(_, job)| job.ended.is_none());
        Listing {
            foreign_messages: 0,
            instances: self
                .instances
                .values()
                .map(|one| one.state.clone())
                .collect(),
            jobs: jobs
                .map(|(name, job)| JobState {
                    job: name.clone(),
                    process: process(1),
                    started_us: job.started_us,
                })
                .collect(),
            sequence: self.sequence,
        }
    }

    fn welcome(&self) -> Welcome {
        Welcome {
            version: PROTOCOL_VERSION,
            release: "fake".into(),
            keeper_pid: 1,
            guard_pid: Some(1),
            boot_id: "boot".into(),
            keeper_starts: self.keeper_starts,
            last_sequence: self.sequence,
            proof: Proof::Lineage,
            no_cgroup: None,
            capacity: 0,
            salvaged: false,
        }
    }
}

async fn serve(shared: Arc<Shared>, stream: UnixStream) {
    let (mut from, mut to) = stream.into_split();
    let (sender, mut outgoing) = mpsc::unbounded_channel::<Message>();
    let mut reader = FrameReader::new();
    let mut buffer = [0; 4096];
    let mut number = 0;
    loop {
        while let Some(frame) = reader.next::<RequestFrame>().expect("a good frame") {
            let RequestFrame { id, request } = frame;
            if let Request::Hello(hello) = &request {
                let mut state = shared.lock();
                state.connections += 1;
                number = state.connections;
                state.connection = Some((number, sender.clone()));
                state.acknowledge(hello.seen);
                state.send(Message::Hello(state.welcome()));
                let events: Vec<Event> = state.events.iter().cloned().collect();
                if !events.is_empty() {
                    state.send(Message::Events { events });
                }
                continue;
            }
            let reply = shared.request(request);
            if shared.is_over(number) {
                return;
            }
            if id != 0 {
                let _ = sender.send(Message::Reply { id, reply });
            }
        }
        tokio::select! {
            read = from.read(&mut buffer) => match read {
                Ok(length) if length > 0 => reader.push(&buffer[..length]),
                _ => return,
            },
            message = outgoing.recv() => {
                let mut bytes = Vec::new();
                encode(&message.expect("the sender is kept"), &mut bytes).expect("a small message");
                if to.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            () = tokio::time::sleep(Duration::from_millis(5)) => {
                if shared.is_over(number) {
                    return;
                }
            }
        }
    }
}

fn now() -> i64 {
    Timestamp::now().as_microsecond()
}
