//! A guard with its keeper, in a process of its own.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use gantry_keeper::client::Client;
use gantry_keeper::layout::{FIRST_PAIR, Layout};
use gantry_keeper::protocol::{Reply, Request, Role, Welcome};
use rustix::process::{Pid, Signal};

/// A stack's folder with pairs of guard and keeper, which end with it.
pub(crate) struct RealKeeper {
    folder: tempfile::TempDir,
    guard: Child,
    capacity: u32,
}

impl RealKeeper {
    /// Starts the first pair; each is to have so many instances.
    pub(crate) fn start(capacity: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let guard = guard(folder.path(), capacity);
        Self {
            folder,
            guard,
            capacity,
        }
    }

    /// Waits until the guard has ended, which it was told, and starts another in the same folder.
    pub(crate) fn start_again(&mut self) {
        self.await_guard().expect("the guard has ended");
        let _ = std::fs::remove_file(self.dir().join("end"));
        self.guard = guard(self.folder.path(), self.capacity);
    }

    /// Lets the supervisor that waits end.
    pub(crate) fn let_supervisor_end(&self) {
        std::fs::write(self.dir().join("end"), "").expect("a file in the folder");
    }

    pub(crate) fn dir(&self) -> &Utf8Path {
        Utf8Path::from_path(self.folder.path()).expect("a UTF-8 path")
    }

    /// All pairs, the first one last.
    pub(crate) fn pairs(&self) -> Vec<Layout> {
        let first = Layout::new(self.dir());
        let further = first.further_pairs().into_iter().rev();
        let mut pairs: Vec<Layout> = further.map(|pair| first.of_pair(pair)).collect();
        pairs.push(first);
        pairs
    }

    /// Kills all keepers; their guards start others.
    pub(crate) fn kill_keepers(&self) {
        for pair in self.pairs() {
            kill(welcome(&pair).keeper_pid);
        }
    }

    /// Kills the guards of all further pairs; their keepers take their places.
    pub(crate) fn kill_further_guards(&self) {
        for pair in self.pairs().iter().filter(|pair| pair.pair() > 1) {
            kill(welcome(pair).guard_pid.expect("a guard"));
        }
    }

    /// Kills guard and keeper of all further pairs: then nobody is left there.
    pub(crate) fn kill_further_pairs(&self) {
        for pair in self.pairs().iter().filter(|pair| pair.pair() > 1) {
            kill_pair(pair);
        }
    }

    /// Ends everything that runs, then all pairs.
    fn end(&mut self) -> Result<(), String> {
        for pair in self.pairs() {
            if pair.pair() == FIRST_PAIR {
                // If it was told to end already, its guard waits only for this.
                self.let_supervisor_end();
            }
            // A session that still lives may ask for it again; then the guard ends it, too.
            Self::end_pair(&pair)?;
        }
        self.await_guard()
    }

    fn end_pair(pair: &Layout) -> Result<(), String> {
        let mut client =
            Client::open(&pair.place(), Role::Supervisor, 0).map_err(|error| error.to_string())?;
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let Ok(Reply::Listing(listing)) = client.ask(Request::List) else {
                return Err("the keeper lists nothing".into());
            };
            for state in listing.instances {
                // One that is over already is refused.
                let _ = client.ask(Request::Stop {
                    instance: state.instance,
                    generation: state.generation,
                    signal: 9,
                    grace_ms: 0,
                });
            }
            for job in listing.jobs {
                let _ = client.ask(Request::CancelJob { job: job.job });
            }
            match client.ask(Request::Shutdown) {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > deadline => return Err(error.to_string()),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    fn await_guard(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            if let Ok(Some(_)) = self.guard.try_wait() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err("the guard did not end".into())
    }
}

impl Drop for RealKeeper {
    fn drop(&mut self) {
        if self.end().is_err() {
            let _ = self.guard.kill();
            self.pairs().iter().for_each(kill_pair);
            let _ = self.guard.wait();
        }
    }
}

/// This program again, as `guard FOLDER`.
#[expect(clippy::disallowed_methods, reason = "somebody must start the guard")]
fn guard(folder: &std::path::Path, capacity: u32) -> Child {
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("guard.log"))
        .expect("a log");
    let me = std::env::current_exe().expect("the path of this test");
    std::process::Command::new(me)
        .arg("guard")
        .arg(folder)
        .env(gantry_keeper::PAIR_CAPACITY, capacity.to_string())
        .stdin(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("this program runs")
}

/// Be the guard, or the supervisor that it starts, if this program was started as one.
pub(crate) fn be_what_was_asked() -> Option<std::process::ExitCode> {
    let words: Vec<String> = std::env::args().collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [me, "guard", dir] => {
            let end = gantry_keeper::guard::run(gantry_keeper::guard::GuardConfig {
                dir: dir.into(),
                supervisor_command: vec![me.into(), "wait".into(), dir.into()],
            });
            Some(end.code().into())
        }
        [_, "wait", dir] => {
            let end = Utf8PathBuf::from(dir).join("end");
            // It also ends when the folder is gone.
            while !end.exists() && end.parent().is_some_and(Utf8Path::exists) {
                std::thread::sleep(Duration::from_millis(20));
            }
            Some(std::process::ExitCode::SUCCESS)
        }
        _ => None,
    }
}

/// What the keeper of a pair says of itself, once it is there.
fn welcome(pair: &Layout) -> Welcome {
    let client = Client::open(&pair.place(), Role::Observer, 0);
    client.expect("a keeper").welcome().clone()
}

/// Kills guard and keeper, and whoever takes the place of one meanwhile.
fn kill_pair(pair: &Layout) {
    let Ok(lock) = std::fs::File::open(pair.lock()) else {
        return;
    };
    while lock.try_lock_shared().is_err() {
        if let Ok(client) = Client::open(&pair.place(), Role::Observer, 0) {
            kill(client.welcome().guard_pid.expect("a guard"));
            kill(client.welcome().keeper_pid);
        }
    }
}

fn kill(pid: u32) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
}
