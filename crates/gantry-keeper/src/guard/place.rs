//! The stack's folder may go while the stack runs: somebody removes or moves `$GANTRY_HOME`.
//!
//! The lock is in that folder, so a new guard could begin beside the old one, find no ledger, and start every
//! service a second time. Two things prevent that. A guard also listens under a name that is in no folder, and
//! a new one *summons* whoever does, by connecting to it. And a guard looks now and then, and whenever it is
//! summoned, at what is where its lock was:
//!
//! | what is there | what it means | what the first pair's guard does |
//! |---|---|---|
//! | its own lock | all is well | nothing |
//! | nothing, or a lock that nobody holds | the folder has gone | makes it anew, and has keeper and supervisor begin again in it |
//! | a lock that another holds | another guard keeps the stack | ends, with keeper and supervisor; the services go on |
//!
//! A further pair's guard ends in all but the first case: a first pair finds its services by their marks. It is
//! only then that the new guard looks for them: nobody is left who could start one meanwhile.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::time::{Duration, Instant};

use gantry_sys::ProcessRef;

use super::{Guard, GuardEnd, listen, make_folder};
use crate::layout::{FIRST_PAIR, LAST_PAIR, Layout};
use crate::lock;
use crate::orphans::OrphanWriter;
use crate::report::report;

/// How often a guard looks unasked.
const EVERY: Duration = Duration::from_secs(5);

/// How long after a first look that found the folder gone: who removes it may not be through with it.
const ONCE_MORE: Duration = Duration::from_millis(200);

/// How long a guard that was summoned may take to end, and its keeper.
const LEAVE: Duration = Duration::from_secs(5);

/// How long a name may be taken that is about to be free, and how often one tries.
const MOMENT: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(2);

/// What a summoned guard says that stays.
const STAYS: [u8; 1] = *b"y";

const KILL: i32 = 9;

/// What is where the lock was.
enum Found {
    Ours,
    Nothing,
    AnothersLock,
}

/// When a guard looks at its place.
#[derive(Debug)]
pub(super) struct Looks {
    pub(super) next: Instant,
    gone: bool,
}

impl Looks {
    pub(super) fn new(now: Instant) -> Self {
        let next = now + EVERY;
        Self { next, gone: false }
    }
}

/// The name that a pair's guard listens under.
fn name(layout: &Layout) -> io::Result<SocketAddr> {
    let hash = gantry_sys::stack_hash(layout.root().as_std_path());
    let user = rustix::process::geteuid().as_raw();
    SocketAddr::from_abstract_name(format!("gantry/{user}/{hash}/guard-{}", layout.pair()))
}

/// Listen under the name in no folder. Who does so is summoned first, and is to see that it is no longer the guard
/// of this folder. None if the name cannot be had.
pub(super) fn take_name(layout: &Layout) -> Option<UnixListener> {
    if layout.pair() == FIRST_PAIR {
        summon_further(layout);
    }
    summon(layout);
    let name = name(layout).ok()?;
    let begin = Instant::now();
    let listener = loop {
        match UnixListener::bind_addr(&name) {
            Ok(listener) => break listener,
            // Who has left closes what it has when it has ended, a moment later.
            Err(error) if error.kind() == ErrorKind::AddrInUse && begin.elapsed() < MOMENT => {
                std::thread::sleep(PAUSE);
            }
            Err(_) => return None,
        }
    };
    listener.set_nonblocking(true).ok()?;
    Some(listener)
}

/// Have all further pairs look whether their folder is there.
fn summon_further(layout: &Layout) {
    for pair in FIRST_PAIR + 1..=LAST_PAIR {
        summon(&layout.of_pair(pair));
    }
}

/// Call the guard that listens under a pair's name, and wait until it has said that it stays, or has gone.
fn summon(layout: &Layout) {
    let stream = name(layout).and_then(|name| UnixStream::connect_addr(&name));
    let Ok(mut stream) = stream else {
        return;
    };
    // The name is the whole machine's: in a container beside this one somebody else may have it.
    let ours = rustix::net::sockopt::socket_peercred(&stream)
        .is_ok_and(|peer| peer.uid == rustix::process::geteuid());
    if ours && stream.set_read_timeout(Some(LEAVE)).is_ok() {
        let _ = stream.read(&mut [0]);
    }
}

impl Guard<'_> {
    /// Those who call.
    fn callers(&self) -> Vec<UnixStream> {
        let listener = self.shared.summons.iter();
        let callers = listener.flat_map(UnixListener::incoming);
        callers.map_while(Result::ok).collect()
    }

    /// Look at the place if it is time to. Says how to end, if this is no longer a guard.
    pub(super) fn look_at_place(&mut self, now: Instant) -> Option<GuardEnd> {
        let callers = self.callers();
        let summoned = !callers.is_empty();
        if !summoned && now < self.looks.next {
            return None;
        }
        self.looks.next = now + EVERY;
        let found = self.find();
        let was_gone = std::mem::replace(&mut self.looks.gone, matches!(found, Found::Nothing));
        match found {
            Found::Ours => {
                for mut caller in callers {
                    let _ = caller.write_all(&STAYS);
                }
                None
            }
            Found::Nothing if !summoned && !was_gone => {
                self.looks.next = now + ONCE_MORE;
                None
            }
            Found::Nothing if self.is_first() => {
                if let Err(error) = self.begin_again() {
                    report(format!(
                        "the stack's folder has gone, and cannot be made again: {error}"
                    ));
                }
                None
            }
            Found::Nothing | Found::AnothersLock => {
                report("the stack's folder is not this guard's any more: another finds what runs");
                self.leave();
                Some(GuardEnd::Failed)
            }
        }
    }

    fn find(&self) -> Found {
        let identity = |metadata: &std::fs::Metadata| (metadata.dev(), metadata.ino());
        let path = self.shared.layout.lock();
        match (&path.metadata(), &self.shared.lock.metadata()) {
            (Ok(there), Ok(ours)) if identity(there) == identity(ours) => Found::Ours,
            (Ok(_), _) if lock::is_held(&path) => Found::AnothersLock,
            // Who cannot look knows nothing.
            (_, Err(_)) => Found::Ours,
            (Err(error), _) if error.kind() != ErrorKind::NotFound => Found::Ours,
            _ => Found::Nothing,
        }
    }

    /// Make the folder, the lock and the socket again, and have keeper and supervisor begin in it. The keeper finds
    /// what runs by its marks; what was to run is lost, which the supervisor says.
    fn begin_again(&mut self) -> Result<(), String> {
        let shared = self.shared;
        make_folder(&shared.layout.keeper())?;
        let lock = lock::take(&shared.layout.lock()).map_err(|error| error.to_string())?;
        let listener = listen(&shared.layout.place())?;
        let path = shared.layout.orphans();
        self.orphans =
            OrphanWriter::open(&path).map_err(|error| format!("cannot open {path}: {error}"))?;
        let text = |error: gantry_sys::SysError| error.to_string();
        gantry_sys::put_behind(shared.listener.as_fd(), &OwnedFd::from(listener)).map_err(text)?;
        gantry_sys::put_behind(shared.lock.as_fd(), &OwnedFd::from(lock)).map_err(text)?;
        self.renew_log();
        report(
            "the stack's folder has gone: it is made again, and what runs is found by its marks",
        );
        summon_further(&shared.layout);
        kill(self.supervisor.process);
        kill(self.keeper.process);
        Ok(())
    }

    /// What is reported goes into a file that is there.
    fn renew_log(&self) {
        let path = self.shared.layout.guard_log();
        let opened = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path);
        let Ok(file) = opened.map(|file: File| OwnedFd::from(file)) else {
            return;
        };
        let (out, err) = (io::stdout(), io::stderr());
        for stream in [out.as_fd(), err.as_fd()] {
            _ = gantry_sys::put_behind(stream, &file);
        }
    }

    /// End supervisor and keeper, and nothing else.
    fn leave(&mut self) {
        let parts = [self.supervisor.process, self.keeper.process];
        for part in parts {
            kill(part);
        }
        let begin = Instant::now();
        let lives = |part: &Option<ProcessRef>| {
            part.is_some_and(|part| gantry_sys::start_time(part.pid) == Some(part.start_time))
        };
        while begin.elapsed() < LEAVE && parts.iter().any(lives) {
            while let Ok(Some(child)) = gantry_sys::wait_any() {
                gantry_sys::reap(child.pid);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn kill(part: Option<ProcessRef>) {
    if let Some(part) = part {
        let _ = gantry_sys::send(part, KILL);
    }
}
