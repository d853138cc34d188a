//! The process that a running stack hangs from: starting it, and waiting until it has gone.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gantry_api::client::{Client, ClientError};
use gantry_api::home::StackDir;

use crate::error::Error;

/// How long a supervisor may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often one looks whether it does.
const LOOK: Duration = Duration::from_millis(2);

/// A client of the stack in this folder, and whether its supervisor was started for it.
pub(crate) async fn ensure(dir: StackDir) -> Result<(Client, bool), Error> {
    let client = Client::new(dir.clone());
    match client.health().await {
        Ok(_) => return Ok((client, false)),
        Err(ClientError::NoSupervisor { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    dir.create()
        .map_err(|source| Error::io(format!("make the folder {}", dir.path()), source))?;
    let mut guard = spawn(&dir)?;
    let eager = Client::new(dir.clone()).patience(Duration::ZERO);
    let begin = Instant::now();
    loop {
        match eager.health().await {
            Ok(_) => return Ok((client, true)),
            Err(
                ClientError::NoSupervisor { .. }
                | ClientError::NotAnswering { .. }
                | ClientError::BrokenOff { .. },
            ) => {}
            Err(error) => return Err(error.into()),
        }
        let ended = guard.try_wait();
        // Another `up` may have been first: then its guard holds the lock, and ours has gone.
        let lost = matches!(ended, Ok(Some(_))) && !is_alive(&dir);
        if lost || begin.elapsed() > PATIENCE {
            return Err(Error::NotStarted {
                said: said(&dir),
                log: dir.guard_log(),
            });
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Start this same program as the guard.
#[expect(
    clippy::disallowed_methods,
    reason = "the guard is what starts everything else; somebody must start the guard"
)]
fn spawn(dir: &StackDir) -> Result<Child, Error> {
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(dir.guard_log())
        .map_err(|source| Error::io(format!("open {}", dir.guard_log()), source))?;
    let again = log
        .try_clone()
        .map_err(|source| Error::io("share the guard's log", source))?;
    let program = std::env::current_exe()
        .map_err(|source| Error::io("find the program that runs", source))?;
    Command::new(program)
        .arg("__guard")
        .arg(dir.path())
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(again)
        .spawn()
        .map_err(|source| Error::io("start the guard", source))
}

/// Whether a guard listens.
pub(crate) fn is_alive(dir: &StackDir) -> bool {
    let way = gantry_api::home::SocketPath::of(&dir.guard_socket());
    way.is_ok_and(|way| std::os::unix::net::UnixStream::connect(way).is_ok())
}

/// Wait until the guard has gone, for nothing of a stack is left only then.
pub(crate) async fn wait_until_gone(dir: &StackDir) -> bool {
    let begin = Instant::now();
    while dir.guard_socket().exists() && is_alive(dir) {
        if begin.elapsed() > PATIENCE {
            return false;
        }
        tokio::time::sleep(LOOK).await;
    }
    true
}

/// What guard and supervisor said last.
fn said(dir: &StackDir) -> String {
    let mut said = String::new();
    for name in ["guard.log", "supervisor.log"] {
        let text = fs::read_to_string(dir.path().join(name)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let from = lines.len().saturating_sub(8);
        for line in &lines[from..] {
            said.push_str(line);
            said.push('\n');
        }
    }
    said
}
