//! The process that a running stack hangs from: starting it, and waiting until it has gone.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gantry_api::Health;
use gantry_api::client::{Client, ClientError};
use gantry_api::home::StackDir;
use gantry_keeper::client as keeper;
use gantry_keeper::guard::GuardEnd;
use gantry_keeper::layout::Layout;
use gantry_keeper::protocol::{Refusal, Reply, Request, Role};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

use crate::error::Error;
use crate::verbs::roles::GUARD;

/// How long a supervisor may take to answer for the first time, and a guard to end: of thousands of services
/// something is written at the end, and a machine may be busy.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often one looks whether a supervisor answers: somebody waits for it, and it takes ten milliseconds.
const SOON: Duration = Duration::from_micros(500);

/// How often one looks whether something has ended. Each look is one more for its keeper, which has much to do then.
const LOOK: Duration = Duration::from_millis(2);

/// A stack that has a supervisor, or gets one.
#[derive(Debug)]
pub(crate) struct Beginning {
    dir: StackDir,
    /// The guard, if it was started for this.
    guard: Option<Child>,
}

/// A client of the stack in this folder, and whether its supervisor was started for it.
pub(crate) async fn ensure(dir: StackDir) -> Result<(Client, bool), Error> {
    begin(dir).await?.finish().await
}

/// The first half of [`ensure`]: what else is to be done can be done while a supervisor begins.
pub(crate) async fn begin(dir: StackDir) -> Result<Beginning, Error> {
    let client = Client::new(dir.clone());
    match client.health().await {
        Ok(_) if is_alive(&dir) => return Ok(Beginning { dir, guard: None }),
        Ok(health) => end_forsaken(&dir, &health).await?,
        Err(ClientError::NoSupervisor { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    dir.create()
        .map_err(|source| Error::io(format!("make the folder {}", dir.path()), source))?;
    let guard = Some(spawn(&dir)?);
    Ok(Beginning { dir, guard })
}

impl Beginning {
    /// The other half.
    pub(crate) async fn finish(self) -> Result<(Client, bool), Error> {
        let client = Client::new(self.dir);
        match self.guard {
            Some(guard) => answer_of(guard, client).await,
            None => Ok((client, false)),
        }
    }
}

/// Wait until the supervisor of a guard that was started answers.
async fn answer_of(mut guard: Child, client: Client) -> Result<(Client, bool), Error> {
    let dir = client.dir().clone();
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
        let ended = guard.try_wait().ok().flatten();
        if ended.and_then(|ended| ended.code()) == Some(GuardEnd::NoLocks.code().into()) {
            return Err(Error::NoLocks {
                dir: dir.path().to_owned(),
            });
        }
        // Another `up` may have been first: then its guard holds the lock, and ours has gone.
        let lost = ended.is_some() && !is_alive(&dir);
        if lost || begin.elapsed() > PATIENCE {
            return Err(Error::NotStarted {
                said: said(&dir),
                log: if lost {
                    dir.guard_log()
                } else {
                    dir.supervisor_log()
                },
            });
        }
        tokio::time::sleep(SOON).await;
    }
}

/// Guard and keeper were killed, and their supervisor lives: nobody starts them again but who starts a
/// supervisor, too. It loses nothing by its end.
async fn end_forsaken(dir: &StackDir, supervisor: &Health) -> Result<(), Error> {
    let pid = i32::try_from(supervisor.supervisor.pid).ok();
    if let Some(pid) = pid.and_then(Pid::from_raw) {
        match kill_process(pid, Signal::KILL) {
            Ok(()) | Err(Errno::SRCH) => {}
            Err(errno) => {
                return Err(Error::io(
                    "end the supervisor that has no guard",
                    errno.into(),
                ));
            }
        }
    }
    let eager = Client::new(dir.clone()).patience(Duration::ZERO);
    while eager.health().await.is_ok() {
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
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
        .arg(GUARD)
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

/// Have all keepers end, if none keeps anything, and the guards with them. A guard without a keeper gives
/// up by itself.
pub(crate) fn end_if_empty(dir: &StackDir) -> Result<(), Error> {
    let first = Layout::new(dir.path());
    let further = first.further_pairs().into_iter();
    let further = further.map(|pair| first.of_pair(pair));
    let pairs: Vec<Layout> = std::iter::once(first.clone()).chain(further).collect();
    let not_empty = |count, first| Error::NotEmpty {
        count,
        first,
        log: dir.supervisor_log(),
    };
    let living: Vec<String> = pairs.iter().flat_map(living).collect();
    if let Some(first) = living.first() {
        return Err(not_empty(living.len() as u64, first.clone()));
    }
    for pair in pairs.iter().rev() {
        // What else there is to say is said by whether the guard goes.
        if let Err(keeper::ClientError::Refused(Refusal::NotEmpty { count, first })) =
            keeper::shut_down(pair)
        {
            return Err(not_empty(count, first));
        }
    }
    Ok(())
}

/// What of a pair's is alive.
fn living(pair: &Layout) -> Vec<String> {
    let listing = keeper::Client::open(&pair.place(), Role::Observer, 0)
        .and_then(|mut keeper| keeper.ask(Request::List));
    let Ok(Reply::Listing(listing)) = listing else {
        return Vec::new();
    };
    let instances = listing.instances.iter().filter(|state| state.lives());
    let instances = instances.map(|state| state.instance.to_string());
    let jobs = listing.jobs.iter().map(|job| format!("job {}", job.job));
    instances.chain(jobs).collect()
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
pub(crate) fn said(dir: &StackDir) -> String {
    let mut said = String::new();
    for log in [dir.guard_log(), dir.supervisor_log()] {
        let text = fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let from = lines.len().saturating_sub(4);
        for line in &lines[from..] {
            said.push_str(line);
            said.push('\n');
        }
    }
    said
}
