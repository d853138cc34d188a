//! The guard: root of a running stack.
//!
//! It does as little as can be, so that little can go wrong in it: it holds descriptors, environment
//! and lock, starts keeper and supervisor again when they die, and writes down how orphans ended.
//!
//! # When the guard is killed
//!
//! A new process cannot become the parent of those that run. But the keeper is the parent of the
//! services that it started, a subreaper, and holds the same descriptors: all that makes a guard. So it
//! becomes the guard, and makes a keeper, which goes on as after any keeper's death:
//!
//! | who | before | after |
//! |---|---|---|
//! | the services that the keeper had started | two that can wait for them: keeper, guard | one: the new guard |
//! | those of keepers before it | the guard | nobody: their exit will be unknown, and is said to be |
//! | services that are started from now on | | two: the new keeper, the new guard |
//! | the supervisor | the guard's child | watched by the new guard, which starts the next one |
//!
//! The first two kinds are *unguarded*, and said to be in `status`, until they are started again: each
//! start is one under the new pair. That only the keeper succeeds prevents two guards; that it gives up
//! being the keeper at once prevents a stack that the next kill would leave without anybody. Killed
//! in the moment between, guard and keeper are both gone, and the next `up` adopts what runs.

use std::collections::HashSet;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

mod further;
mod place;

use camino::{Utf8Path, Utf8PathBuf};
use gantry_sys::{Environment, ProcessRef, SignalFd, Slots, Spawner};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec};

use crate::backoff::Backoff;
use crate::intake::Intake;
use crate::keeper::KeeperEnd;
use crate::layout::{FIRST_PAIR, Layout, SOCKET};
use crate::lock::{self, LockError};
use crate::orphans::{Orphan, OrphanWriter, exit_of};
use crate::report::report;
use crate::shared::{Shared, SupervisorEnd, ring};
use crate::supervisor::{self, Release};

pub use crate::supervisor::OTHER_PROTOCOL;

/// What a guard needs to know.
#[derive(Debug, Clone)]
pub struct GuardConfig {
    /// The stack's folder. It must exist.
    pub dir: Utf8PathBuf,
    /// The supervisor's program and arguments. Its standard output and error go to `supervisor.log`.
    pub supervisor_command: Vec<String>,
}

/// The signals that a guard hears of. It does not end by any of them: it passes what asks for an end
/// on to the supervisor, which knows what has to be stopped first.
const PASSED_ON: [i32; 4] = [1, 2, 3, 15];
const SIGKILL: i32 = 9;
const SIGCHLD: i32 = 17;

/// How long the guard waits after a shutdown for the supervisor to end by itself, and for pairs that were
/// asked for too late.
const FAREWELL: Duration = Duration::from_secs(10);

/// How long keeper or supervisor may fail to begin before the guard asks what it is still there for.
const HOPE: Duration = Duration::from_secs(10);

/// How long after a start there is most likely nothing to do for days.
const REST_AFTER: Duration = Duration::from_secs(1);

/// The prefix of the variables that would make a child ours by mistake.
pub(crate) const MARK: &str = "GANTRY_KEEPER_MARK";

/// Variables of whoever started us that no service is to take for its own: our mark, and the ways to
/// speak to another manager of services.
const NOT_PASSED_ON: [&str; 4] = [MARK, "NOTIFY_SOCKET", "WATCHDOG_", "LISTEN_"];

/// How a guard ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardEnd {
    /// The stack is down.
    Down,
    /// It could not begin, or never got a keeper: that is in its log.
    Failed,
    /// The stack's folder is on a file system without locks.
    NoLocks,
}

impl GuardEnd {
    /// The exit code of a process that was the guard, which tells its parent.
    pub const fn code(self) -> u8 {
        match self {
            Self::Down => 0,
            Self::Failed => 1,
            Self::NoLocks => 3,
        }
    }
}

/// Be the guard, until the keeper was told to shut down. Must be called by a process that has no
/// other threads, early: every descriptor but the standard streams is closed.
pub fn run(config: GuardConfig) -> GuardEnd {
    let layout = Layout::new(config.dir.clone());
    be_guard(config, layout)
}

/// Be the guard of this pair.
fn be_guard(config: GuardConfig, layout: Layout) -> GuardEnd {
    let begun = begin(config, layout).and_then(|shared| {
        let mut guard = Guard::new(&shared)?;
        guard.supervisor.due = guard.is_first().then(Instant::now);
        Ok(guard.watch())
    });
    begun.unwrap_or_else(|Failed { end, message }| {
        message.into_iter().for_each(report);
        end
    })
}

/// Why a guard could not begin.
struct Failed {
    end: GuardEnd,
    /// What is to be told of it.
    message: Option<String>,
}

impl From<String> for Failed {
    fn from(message: String) -> Self {
        Self {
            end: GuardEnd::Failed,
            message: Some(message),
        }
    }
}

impl From<LockError> for Failed {
    fn from(error: LockError) -> Self {
        let end = match error {
            LockError::Unsupported { .. } => GuardEnd::NoLocks,
            _ => GuardEnd::Failed,
        };
        Self {
            end,
            message: Some(error.to_string()),
        }
    }
}

/// Be the guard in the place of one that died: the keeper does, whose children its services are. It is
/// their parent and a subreaper, and has the descriptors, the lock and the environment; all that it
/// gives up is being the keeper, which the one that it makes is now.
pub(crate) fn succeed(shared: &Shared) -> i32 {
    shared.set_guard();
    let mut guard = match Guard::new(shared) {
        Ok(guard) => guard,
        Err(message) => {
            report(message);
            return 1;
        }
    };
    if guard.is_first() {
        guard.adopt_supervisor();
    }
    guard.watch().code().into()
}

/// Take the stack, and make all that guard and keepers share.
fn begin(config: GuardConfig, layout: Layout) -> Result<Shared, Failed> {
    // Out of the terminal's reach: a Ctrl-C there is for the client. If it fails, we lead a session.
    let _ = rustix::process::setsid();
    let open_files = gantry_sys::raise_open_files();
    let slots = Slots::take(open_files.hard).map_err(|error| error.to_string())?;
    make_folder(&layout.keeper())?;
    let lock = lock::take(&layout.lock()).map_err(|error| match error {
        // It was asked for more than once, and the others were first.
        LockError::Held(_) if layout.pair() != FIRST_PAIR => Failed {
            end: GuardEnd::Failed,
            message: None,
        },
        error => error.into(),
    })?;
    let summons = place::take_name(&layout);
    gantry_sys::become_subreaper().map_err(|error| error.to_string())?;
    let (intake, trouble) =
        Intake::new(slots.null(), &layout.intent()).map_err(|error| error.to_string())?;
    if let Some(error) = trouble {
        report(format!("cannot open {}: {error}", layout.intent()));
    }
    let listener = listen(&layout.place())?;
    let bell = || {
        rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|error| format!("cannot make an eventfd: {error}"))
    };
    let mut name = gantry_sys::stack_hash(layout.root().as_std_path());
    if layout.pair() != FIRST_PAIR {
        name = format!("{name}-{}", layout.pair());
    }
    let letters = gantry_sys::LetterBox::open(&format!("gantry/{name}"));
    let letters = letters.map_err(|error| report(error.to_string())).ok();
    Shared::new(
        config,
        layout,
        slots,
        listener,
        [bell()?, bell()?, bell()?],
        lock,
        gantry_sys::boot_id().map_err(|error| error.to_string())?,
        Environment::of_this_process(&NOT_PASSED_ON),
        open_files,
        intake,
        letters,
        summons,
    )
    .map_err(|error| error.to_string().into())
}

struct Guard<'a> {
    shared: &'a Shared,
    signals: SignalFd,
    orphans: OrphanWriter,
    spawner: Spawner,
    keeper: Part,
    supervisor: Part,
    release: Release,
    /// The guards of further pairs that this one has started.
    further: HashSet<u32>,
    /// When to give back what the last start has needed.
    rest_at: Option<Instant>,
    looks: place::Looks,
}

/// Keeper or supervisor.
#[derive(Debug, Default)]
struct Part {
    process: Option<ProcessRef>,
    /// A descriptor of the process, if it is another's child.
    pidfd: Option<OwnedFd>,
    backoff: Backoff,
    /// When to start it again.
    due: Option<Instant>,
}

impl<'a> Guard<'a> {
    fn new(shared: &'a Shared) -> Result<Self, String> {
        let mut heard = PASSED_ON.to_vec();
        heard.push(SIGCHLD);
        let signals = SignalFd::new(&heard).map_err(|error| error.to_string())?;
        let path = shared.layout.orphans();
        let orphans =
            OrphanWriter::open(&path).map_err(|error| format!("cannot open {path}: {error}"))?;
        Ok(Self {
            shared,
            signals,
            orphans,
            spawner: Spawner::new(1).map_err(|error| error.to_string())?,
            keeper: Part::default(),
            supervisor: Part::default(),
            release: Release::default(),
            further: HashSet::new(),
            rest_at: None,
            looks: place::Looks::new(Instant::now()),
        })
    }

    /// Whether this is the pair that has a supervisor.
    fn is_first(&self) -> bool {
        self.shared.layout.pair() == FIRST_PAIR
    }

    /// The supervisor is the child of the guard that died. It is watched, since nobody tells of it.
    fn adopt_supervisor(&mut self) {
        self.supervisor.pidfd = self
            .shared
            .supervisor()
            .and_then(|process| gantry_sys::pidfd(process).ok().flatten());
        match self.supervisor.pidfd {
            Some(_) => self.supervisor.process = self.shared.supervisor(),
            None => self.supervisor.due = Some(Instant::now()),
        }
    }

    /// Start the keeper, and each of the two again whenever it dies, until the keeper has shut down.
    fn watch(&mut self) -> GuardEnd {
        self.keeper.due = Some(Instant::now());
        let mut farewell = None;
        let mut end = GuardEnd::Down;
        loop {
            let now = Instant::now();
            let mut look_again = None;
            if self.shared.is_shut_down() && self.keeper.process.is_none() {
                let until = *farewell.get_or_insert(now + FAREWELL);
                self.supervisor.due = None;
                look_again = self.see_off_further_pairs(now).or(self.end_newborn(now));
                let alone = self.supervisor.process.is_none() && look_again.is_none();
                if alone || now >= until {
                    break;
                }
            } else {
                // What is another's is not touched.
                if let Some(end) = self.look_at_place(now) {
                    return end;
                }
                self.start_what_is_due(now);
            }
            if self.never_had_a_keeper(now) {
                report("no keeper could be started: the guard gives up");
                end = GuardEnd::Failed;
                break;
            }
            if self.rest_at.is_some_and(|at| at <= now) {
                self.rest_at = None;
                gantry_sys::give_back_memory();
            }
            let due = [
                self.keeper.due,
                self.supervisor.due,
                farewell,
                look_again,
                self.rest_at,
                Some(self.looks.next),
            ];
            self.sleep(due.into_iter().flatten().min());
            self.hear();
            self.start_wanted_pairs();
        }
        // Only ours is removed, and only while we hold the lock.
        let _ = std::fs::remove_file(self.shared.layout.socket());
        end
    }

    /// The keeper was told to end by a supervisor that died over it, and another one was started before that was known:
    /// it waits for a keeper that will not come. Says when to look again.
    fn end_newborn(&self, now: Instant) -> Option<Instant> {
        let newborn = self.supervisor.process?;
        if !self.shared.was_shut_down_by_another(newborn) {
            return None;
        }
        let _ = gantry_sys::send(newborn, SIGKILL);
        Some(now + further::LOOK_AGAIN)
    }

    /// Whether it is of no use to go on: nothing of this stack runs under us, nor can.
    fn never_had_a_keeper(&self, now: Instant) -> bool {
        self.shared.keeper_starts() == 0 && self.keeper.backoff.fails_for(now) >= HOPE
    }

    /// The supervisor fails again and again. A keeper without services ends then, and the guard with
    /// it: nobody could ask them for anything. One that has services stays, and so does the guard.
    fn look_whether_hopeless(&mut self, now: Instant) {
        if self.keeper.process.is_some() && self.supervisor.backoff.fails_for(now) >= HOPE {
            self.end(SupervisorEnd::Hopeless);
        }
    }

    fn start_what_is_due(&mut self, now: Instant) {
        if self.keeper.due.is_some_and(|due| due <= now) {
            self.keeper.due = None;
            self.keeper.backoff.started(now);
            self.rest_at = Some(now + REST_AFTER);
            self.start_keeper();
        }
        // The supervisor has no use without a keeper to speak to.
        if self.keeper.process.is_some() && self.supervisor.due.is_some_and(|due| due <= now) {
            self.supervisor.due = None;
            self.supervisor.backoff.started(now);
            self.rest_at = Some(now + REST_AFTER);
            self.supervisor.process =
                supervisor::start(self.shared, &mut self.spawner, self.release);
            if self.supervisor.process.is_none() {
                self.supervisor.due = Some(now + self.supervisor.backoff.refused(now));
                self.look_whether_hopeless(now);
            }
        }
    }

    fn start_keeper(&mut self) {
        let starts = self.shared.count_keeper();
        let mut ours = vec![self.signals.as_fd().as_raw_fd(), self.orphans.as_raw_fd()];
        ours.extend(self.shared.fds());
        ours.extend(self.supervisor.pidfd.iter().map(AsRawFd::as_raw_fd));
        let shared = self.shared;
        // What rang for the keeper before does not count for this one.
        self.is_rung();
        let child = gantry_sys::fork_sharing_files(|| match crate::keeper::run(shared, &ours) {
            KeeperEnd::Code(code) => code,
            KeeperEnd::Unguarded => succeed(shared),
        });
        match child {
            Ok(pid) => {
                // Before the first one nobody has left anything open.
                if starts > 1 {
                    self.keeper.process = Some(ProcessRef { pid, start_time: 0 });
                    report(format!("{pid} is the keeper now"));
                    self.wait_until_ready();
                }
                let start_time = gantry_sys::start_time(pid).unwrap_or(0);
                self.keeper.process = Some(ProcessRef { pid, start_time });
            }
            Err(error) => {
                self.shared.uncount_keeper();
                report(supervisor::in_words(
                    error.source.raw_os_error(),
                    &error.to_string(),
                ));
                let now = Instant::now();
                self.keeper.due = Some(now + self.keeper.backoff.refused(now));
            }
        }
    }

    /// A new keeper closes what the one before has left open. Until it has done so, nothing may be
    /// opened here.
    fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if self.is_rung() {
                return;
            }
            if Instant::now() > deadline || self.keeper_has_ended() {
                return;
            }
            let mut polled = [
                PollFd::new(&self.shared.ready_bell, PollFlags::IN),
                PollFd::new(&self.signals, PollFlags::IN),
            ];
            // A death in between is heard through the signal, which stays readable for `hear`.
            let _ = rustix::event::poll(&mut polled, Some(&timespec(Duration::from_millis(5))));
        }
    }

    /// Whether a keeper has said that it is ready, since this was last asked.
    fn is_rung(&self) -> bool {
        rustix::io::read(&self.shared.ready_bell, &mut [0; 8]).is_ok()
    }

    fn keeper_has_ended(&self) -> bool {
        let Some(keeper) = self.keeper.process else {
            return true;
        };
        matches!(gantry_sys::has_ended(keeper.pid), Ok(Some(_)))
    }

    fn sleep(&self, until: Option<Instant>) {
        let left = until.map(|until| {
            timespec(until.saturating_duration_since(Instant::now()) + Duration::from_millis(1))
        });
        let mut polled = vec![
            PollFd::new(&self.signals, PollFlags::IN),
            PollFd::new(&self.shared.pairs_bell, PollFlags::IN),
        ];
        if let Some(supervisor) = &self.supervisor.pidfd {
            polled.push(PollFd::new(supervisor, PollFlags::IN));
        }
        if let Some(summons) = &self.shared.summons {
            polled.push(PollFd::new(summons, PollFlags::IN));
        }
        let _ = rustix::event::poll(&mut polled, left.as_ref());
    }

    fn hear(&mut self) {
        for signal in self.signals.drain() {
            if PASSED_ON.contains(&signal)
                && let Some(supervisor) = self.supervisor.process
            {
                let _ = gantry_sys::send(supervisor, signal);
            }
        }
        self.look_at_adopted_supervisor();
        // Whatever the signals said: several children may have ended with one.
        let mut rang = false;
        while let Ok(Some(child)) = gantry_sys::wait_any() {
            let now = Instant::now();
            let killed = matches!(child.ended, gantry_sys::Ended::Signal { signal: 9, .. });
            let is = |part: &Part| part.process.is_some_and(|process| process.pid == child.pid);
            if is(&self.keeper) {
                self.keeper.process = None;
                if !self.shared.is_shut_down() {
                    self.keeper.due = Some(now + self.keeper.backoff.died(now, killed));
                }
            } else if is(&self.supervisor) {
                self.supervisor.process = None;
                self.shared.set_supervisor(None);
                self.supervisor.due = Some(now + self.supervisor.backoff.died(now, killed));
                if child.ended == gantry_sys::Ended::Code(OTHER_PROTOCOL.into())
                    && self.release == Release::Installed
                {
                    self.release = Release::Ours;
                    self.supervisor.due = Some(now);
                } else if child.ended == gantry_sys::Ended::Code(0) {
                    // It says that the stack is down. If the keeper finds that true, that is the end.
                    self.end(SupervisorEnd::Done);
                    self.supervisor.due = Some(now + Duration::from_secs(1));
                } else {
                    self.look_whether_hopeless(now);
                }
            } else if self.further.remove(&child.pid) {
                // Its keeper has taken its place, or it was told to end; or it is asked for again.
            } else {
                let orphan = Orphan {
                    pid: child.pid,
                    start_time: gantry_sys::start_time(child.pid).unwrap_or(0),
                    at_us: jiff::Timestamp::now().as_microsecond(),
                    exit: exit_of(child.ended),
                };
                if let Err(error) = self.orphans.write(&orphan) {
                    // Not taken away: it can be tried again, and its pid stays its own.
                    report(format!(
                        "cannot write down how {} ended: {error}",
                        child.pid
                    ));
                    break;
                }
                rang = true;
            }
            gantry_sys::reap(child.pid);
        }
        if rang {
            ring(&self.shared.orphans_bell);
        }
    }

    /// How it ended nobody can tell; the one that is started now finds out whether the stack is down.
    fn look_at_adopted_supervisor(&mut self) {
        let Some(pidfd) = &self.supervisor.pidfd else {
            return;
        };
        let mut polled = [PollFd::new(pidfd, PollFlags::IN)];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        if matches!(rustix::event::poll(&mut polled, Some(&now)), Ok(1..)) {
            let now = Instant::now();
            self.supervisor.pidfd = None;
            self.supervisor.process = None;
            self.shared.set_supervisor(None);
            self.supervisor.due = Some(now + self.supervisor.backoff.died(now, true));
        }
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec::try_from(duration).unwrap_or(Timespec {
        tv_sec: 1,
        tv_nsec: 0,
    })
}

fn make_folder(path: &Utf8Path) -> Result<(), String> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| format!("cannot make {path}: {error}"))
}

/// The socket, by way of the folder's descriptor so that its path may be long.
fn listen(dir: &Utf8Path) -> Result<UnixListener, String> {
    let failed = |error: io::Error| format!("cannot listen on {dir}/{SOCKET}: {error}");
    let folder: OwnedFd = std::fs::File::open(dir).map_err(failed)?.into();
    let path = format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd());
    let new = format!("{path}.new");
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = UnixListener::bind(&new).map_err(failed)?;
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    // There is never none in between: where one is, a pair is to be.
    std::fs::rename(&new, &path).map_err(failed)?;
    Ok(listener)
}
