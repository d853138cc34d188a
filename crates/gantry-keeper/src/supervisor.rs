//! Starting the supervisor: the guard's work, and the keeper's when the guard is gone.

use std::ffi::{CStr, CString};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;

use gantry_sys::{Environment, ProcessRef, Spawn, Spawner, Stdio};
use rustix::io::Errno;

use crate::report::{line, report};
use crate::shared::Shared;

/// A supervisor that ends with this code does not speak the protocol of our keeper: gantry was replaced
/// on disk while the stack was up.
pub const OTHER_PROTOCOL: u8 = 6;

/// The program that runs here, however it was renamed, replaced or removed since.
const OURSELVES: &CStr = c"/proc/self/exe";

/// Which program the supervisor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Release {
    /// The one that is installed: who replaces gantry has a supervisor of the new release with the
    /// next start of one. Where it has gone, our own.
    #[default]
    Installed,
    /// Our own, since the installed one speaks another protocol.
    Ours,
}

/// Start it; `None` if that failed, which is in the log.
pub(crate) fn start(
    shared: &Shared,
    spawner: &mut Spawner,
    release: Release,
) -> Option<ProcessRef> {
    let process = try_start(shared, spawner, release)
        .inspect_err(|why| tell(shared, &format!("cannot start the supervisor: {why}")))
        .ok()?;
    shared.set_supervisor(Some(process));
    Some(process)
}

fn try_start(
    shared: &Shared,
    spawner: &mut Spawner,
    release: Release,
) -> Result<ProcessRef, String> {
    let path = shared.layout.supervisor_log();
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| format!("{path}: {error}"))?;
    let null = File::open("/dev/null").map_err(|error| format!("/dev/null: {error}"))?;
    let argv: Vec<CString> = shared
        .config
        .supervisor_command
        .iter()
        .map(|text| CString::new(text.as_str()).map_err(|error| error.to_string()))
        .collect::<Result<_, _>>()?;
    let program = argv.first().ok_or("it has no command")?;
    let mut programs = match release {
        Release::Installed => gantry_sys::candidates(program, shared.environment.get("PATH")),
        Release::Ours => Vec::new(),
    };
    programs.push(OURSELVES.to_owned());
    let nothing = Environment::empty();
    // Not through the slots: those are the keeper's, who may be starting something this moment.
    spawner
        .spawn(
            None,
            &Spawn {
                programs: &programs,
                argv: &argv,
                env: &shared.environment.below(&nothing),
                cwd: c".",
                credentials: None,
                umask: None,
                limits: &[],
                open_files: Some((shared.open_files.soft, shared.open_files.hard)),
                nice: None,
                scheduling: None,
                sandbox: None,
                join: &[],
                oom_score: None,
                stdio: Stdio {
                    input: null.as_fd(),
                    output: log.as_fd(),
                    error: log.as_fd(),
                },
                terminal: false,
                passed: &[],
                own_pid: &[],
                cgroup: None,
                witness: None,
            },
        )
        .map_err(|error| in_words(Some(error.errno), &error.message))
}

/// The supervisor's log is where people look for why there is none.
fn tell(shared: &Shared, text: &str) {
    let path = shared.layout.supervisor_log();
    let log = OpenOptions::new().append(true).open(path);
    let written = log.and_then(|mut log| log.write_all(line(text).as_bytes()));
    if written.is_err() {
        report(text);
    }
}

/// A failure to make a process of gantry's own, and what is to be done about it.
pub(crate) fn in_words(errno: Option<i32>, message: &str) -> String {
    if errno == Some(Errno::AGAIN.raw_os_error()) {
        format!(
            "{message}: the limit of processes of the user (`ulimit -u`) or of gantry's control group is reached"
        )
    } else {
        message.to_owned()
    }
}
