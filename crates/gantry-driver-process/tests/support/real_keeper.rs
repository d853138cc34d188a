//! A guard with its keeper, in a process of its own.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use gantry_keeper::client::Client;
use gantry_keeper::protocol::{Reply, Request, Role};
use rustix::process::{Pid, Signal};

/// A stack's folder with a guard and a keeper, which end with it.
pub(crate) struct RealKeeper {
    folder: tempfile::TempDir,
    guard: Child,
}

impl RealKeeper {
    /// Starts them.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let guard = guard(folder.path());
        Self { folder, guard }
    }

    /// Waits until the guard has ended, which it was told, and starts another in the same folder.
    pub(crate) fn start_again(&mut self) {
        self.await_guard().expect("the guard has ended");
        let _ = std::fs::remove_file(self.dir().join("end"));
        self.guard = guard(self.folder.path());
    }

    /// Lets the supervisor that waits end.
    pub(crate) fn let_supervisor_end(&self) {
        std::fs::write(self.dir().join("end"), "").expect("a file in the folder");
    }

    pub(crate) fn dir(&self) -> &Utf8Path {
        Utf8Path::from_path(self.folder.path()).expect("a UTF-8 path")
    }

    /// Kills the keeper; the guard starts another.
    pub(crate) fn kill_keeper(&self) {
        let client = Client::open(self.dir(), Role::Observer, 0).expect("a keeper");
        kill(client.welcome().keeper_pid);
    }

    /// Ends everything that runs, then keeper and guard.
    fn end(&mut self) -> Result<(), String> {
        self.let_supervisor_end();
        let mut client =
            Client::open(self.dir(), Role::Supervisor, 0).map_err(|error| error.to_string())?;
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
                Ok(_) => break,
                Err(error) if Instant::now() > deadline => return Err(error.to_string()),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
        self.await_guard()
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
            if let Ok(client) = Client::open(self.dir(), Role::Observer, 0) {
                kill(client.welcome().keeper_pid);
            }
            let _ = self.guard.kill();
            let _ = self.guard.wait();
        }
    }
}

/// This program again, as `guard FOLDER`.
#[expect(clippy::disallowed_methods, reason = "somebody must start the guard")]
fn guard(folder: &std::path::Path) -> Child {
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("guard.log"))
        .expect("a log");
    let me = std::env::current_exe().expect("the path of this test");
    std::process::Command::new(me)
        .arg("guard")
        .arg(folder)
        .stdin(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("this program runs")
}

/// Be the guard, or the supervisor that it starts, if this program was started as one.
pub(crate) fn be_what_was_asked() -> Option<std::process::ExitCode> {
    let words: Vec<String> = std::env::args().collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [me, "guard", dir] => Some(gantry_keeper::guard::run(
            gantry_keeper::guard::GuardConfig {
                dir: dir.into(),
                supervisor_command: vec![me.into(), "wait".into(), dir.into()],
            },
        )),
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

fn kill(pid: u32) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
}
