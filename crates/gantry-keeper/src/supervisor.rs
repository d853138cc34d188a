//! Starting the supervisor: the guard's work, and the keeper's when the guard is gone.

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;

use gantry_sys::{Environment, ProcessRef, Spawn, Spawner, Stdio};

use crate::report::report;
use crate::shared::Shared;

/// Start it; `None` if that failed, which is in the log.
pub(crate) fn start(shared: &Shared, spawner: &mut Spawner) -> Option<ProcessRef> {
    let pid = match try_start(shared, spawner) {
        Ok(pid) => pid,
        Err(why) => {
            report(format!("cannot start the supervisor: {why}"));
            return None;
        }
    };
    let process = ProcessRef {
        pid,
        start_time: gantry_sys::start_time(pid).unwrap_or(0),
    };
    shared.set_supervisor(Some(process));
    Some(process)
}

fn try_start(shared: &Shared, spawner: &mut Spawner) -> Result<u32, String> {
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
    let nothing = Environment::empty();
    // Not through the slots: those are the keeper's, who may be starting something this moment.
    spawner
        .spawn(
            None,
            &Spawn {
                programs: &gantry_sys::candidates(program, shared.environment.get("PATH")),
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
                passed: &[],
                own_pid: &[],
                cgroup: None,
                witness: None,
            },
        )
        .map_err(|error| error.to_string())
}
