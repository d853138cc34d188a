//! Commands on this machine, without a keeper: for harnesses of drivers that run some.

use std::collections::HashMap;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use gantry_core::ExitStatus;

use crate::{DriverError, HostJobs, JobOutcome, JobRequest};

/// How often one looks whether a command has ended.
const LOOK: Duration = Duration::from_millis(5);

/// Runs commands itself: two of one name one after the other.
#[derive(Debug, Default)]
pub struct Commands {
    names: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    /// Which of them run, by name.
    running: Arc<Mutex<HashMap<String, u32>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl HostJobs for Commands {
    fn run(&self, job: JobRequest) -> BoxFuture<'_, Result<JobOutcome, DriverError>> {
        Box::pin(async move {
            let one = Arc::clone(lock(&self.names).entry(job.name.to_string()).or_default());
            let _one_at_a_time = one.lock().await;
            let running = Arc::clone(&self.running);
            let ran = tokio::task::spawn_blocking(move || run(&job, &running)).await;
            let failed = |error: String| DriverError::permanent("job", error);
            let ran = ran.map_err(|error| failed(error.to_string()))?;
            ran.map_err(|error| failed(error.to_string()))
        })
    }

    fn give_up(&self, name: &str) {
        if let Some(pid) = lock(&self.running).get(name) {
            signal("TERM", *pid);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test's host runs commands itself"
)]
fn signal(name: &str, pid: u32) {
    // One that has ended is as well.
    let _ = Command::new("kill")
        .args(["-s", name, &pid.to_string()])
        .stderr(Stdio::null())
        .status();
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test's host runs commands itself"
)]
fn run(job: &JobRequest, running: &Mutex<HashMap<String, u32>>) -> std::io::Result<JobOutcome> {
    let begun = Instant::now();
    let mut command = Command::new(&job.command[0]);
    command
        .args(&job.command[1..])
        .envs(job.env.iter().cloned())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(folder) = &job.folder {
        command.current_dir(folder);
    }
    let mut child = command.spawn()?;
    lock(running).insert(job.name.to_string(), child.id());
    if let Some(mut input) = child.stdin.take() {
        // One that ends without reading it has not read it.
        let _ = input.write_all(job.input.as_deref().unwrap_or_default());
    }
    let outputs = [output(child.stdout.take()), output(child.stderr.take())];
    let (exit, timed_out) = wait(&mut child, begun + job.time_limit)?;
    lock(running).remove(job.name.as_str());
    let [stdout, stderr] = outputs.map(|reader| {
        let bytes = reader.join().unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    });
    Ok(JobOutcome {
        exit,
        timed_out,
        duration: begun.elapsed(),
        stdout,
        stderr,
        incomplete: false,
    })
}

fn wait(child: &mut Child, until: Instant) -> std::io::Result<(ExitStatus, bool)> {
    loop {
        if let Some(ended) = child.try_wait()? {
            return Ok((ExitStatus::Code(ended.code().unwrap_or(-1)), false));
        }
        if Instant::now() > until {
            child.kill()?;
            child.wait()?;
            return Ok((ExitStatus::Unknown("too late".into()), true));
        }
        std::thread::sleep(LOOK);
    }
}

fn output(pipe: Option<impl std::io::Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read until then is what there is.
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}
