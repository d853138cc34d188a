//! Short commands that the client itself runs, where there is no supervisor that could have them run.

use std::io::{self, Read};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gantry_core::ExitStatus;
use gantry_driver::{BoxFuture, DriverError, HostJobs, JobOutcome, JobRequest};
use rustix::process::{Pid, Signal, kill_process_group};

/// How often one looks whether a command has ended.
const LOOK: Duration = Duration::from_millis(5);

/// Runs commands as children of this process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct OwnHost;

impl HostJobs for OwnHost {
    fn run(&self, job: JobRequest) -> BoxFuture<'_, Result<JobOutcome, DriverError>> {
        Box::pin(async move {
            let ran = tokio::task::spawn_blocking(move || run(&job)).await;
            let ran = ran.map_err(|error| DriverError::permanent("job", error.to_string()))?;
            ran.map_err(|error| {
                let reason = match error.kind() {
                    io::ErrorKind::NotFound => "there is no such program".to_owned(),
                    _ => error.to_string(),
                };
                DriverError::permanent("job", reason)
            })
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "without a stack there is no keeper, and a command's version is told by the command alone"
)]
fn run(job: &JobRequest) -> io::Result<JobOutcome> {
    let (program, arguments) = job
        .command
        .split_first()
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .envs(job.env.iter().cloned())
        .stdin(match &job.input {
            Some(bytes) => Stdio::from(gantry_sys::memory_file(bytes).map_err(io::Error::other)?),
            None => Stdio::null(),
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    if let Some(folder) = &job.folder {
        command.current_dir(folder);
    }
    let begun = Instant::now();
    let mut child = command.spawn()?;
    let stdout = child.stdout.take().map(|pipe| read(pipe, job.capture));
    let stderr = child.stderr.take().map(|pipe| read(pipe, job.capture));
    let mut timed_out = false;
    let ended = loop {
        if let Some(ended) = child.try_wait()? {
            break ended;
        }
        if begun.elapsed() > job.time_limit {
            timed_out = true;
            kill(&child);
            break child.wait()?;
        }
        std::thread::sleep(LOOK);
    };
    // What it left running holds its pipes open.
    kill(&child);
    let text = |reader: Option<std::thread::JoinHandle<Vec<u8>>>| {
        let bytes = reader.and_then(|reader| reader.join().ok());
        String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
    };
    Ok(JobOutcome {
        exit: match (ended.code(), ended.signal()) {
            (Some(code), _) => ExitStatus::Code(code),
            (None, Some(signal)) => ExitStatus::Signal(signal),
            (None, None) => ExitStatus::Unknown("the system does not tell it".into()),
        },
        timed_out,
        duration: begun.elapsed(),
        stdout: text(stdout),
        stderr: text(stderr),
        incomplete: false,
    })
}

/// Ends all that a command started.
fn kill(child: &Child) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // There may be nobody left.
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

fn read(pipe: impl Read + Send + 'static, most: u64) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        let mut pipe = pipe.take(most);
        // What was read until then is what there is.
        let _ = pipe.read_to_end(&mut kept);
        kept
    })
}
