//! Running a command to its end, which has a limit.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a command of a test may take. What is not done by then hangs.
const LIMIT: Duration = Duration::from_mins(2);

/// Run a command to its end. Panic with what it printed if that does not come within two minutes; it is killed then.
#[track_caller]
pub fn output(command: &mut Command) -> Output {
    output_within(command, LIMIT)
}

#[track_caller]
fn output_within(command: &mut Command, limit: Duration) -> Output {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let begin = Instant::now();
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} does not run: {error}"));
    let printed = Printed::of(&mut child);
    let status = printed
        .ended_by(begin + limit)
        .and_then(|()| status_by(&mut child, begin + limit));
    if let Some(status) = status {
        return printed.with(status);
    }
    let _ = child.kill();
    let status = child.wait().expect("what was killed ends");
    let Output { stdout, stderr, .. } = printed.with(status);
    panic!(
        "{command:?} has not ended after {limit:?}\n-- stdout\n{}\n-- stderr\n{}",
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr)
    );
}

/// What a child has printed so far, read by threads: a pipe may be held open by somebody who lives longer.
struct Printed {
    pipes: [Arc<Mutex<Vec<u8>>>; 2],
    ends: Receiver<()>,
}

impl Printed {
    fn of(child: &mut Child) -> Self {
        let (ended, ends) = channel();
        let read = |pipe: Option<Box<dyn Read + Send>>| {
            let text = Arc::<Mutex<Vec<u8>>>::default();
            let (kept, ended) = (Arc::clone(&text), ended.clone());
            std::thread::spawn(move || {
                let mut part = [0; 16 * 1024];
                let mut pipe = pipe.expect("it is piped");
                while let Ok(length @ 1..) = pipe.read(&mut part) {
                    lock(&kept).extend_from_slice(&part[..length]);
                }
                let _ = ended.send(());
            });
            text
        };
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        Self {
            pipes: [
                read(stdout.map(|pipe| Box::new(pipe) as Box<dyn Read + Send>)),
                read(stderr.map(|pipe| Box::new(pipe) as Box<dyn Read + Send>)),
            ],
            ends,
        }
    }

    /// Waits for the end of both pipes; `None` if it does not come.
    fn ended_by(&self, end: Instant) -> Option<()> {
        for _ in &self.pipes {
            let left = end.saturating_duration_since(Instant::now());
            self.ends.recv_timeout(left).ok()?;
        }
        Some(())
    }

    fn with(&self, status: ExitStatus) -> Output {
        let [stdout, stderr] = [0, 1].map(|pipe| lock(&self.pipes[pipe]).clone());
        Output {
            status,
            stdout,
            stderr,
        }
    }
}

/// How a child that has closed its pipes ended; `None` if it goes on.
fn status_by(child: &mut Child, end: Instant) -> Option<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            return Some(status);
        }
        if Instant::now() > end {
            return None;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::{output, output_within};

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn what_ends_is_told_whole() {
        let output = output(&mut shell("echo one; echo two >&2; exit 3"));
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(
            (&*output.stdout, &*output.stderr),
            (&b"one\n"[..], &b"two\n"[..])
        );
    }

    #[test]
    fn what_hangs_is_killed_and_told() {
        let begun = Instant::now();
        // One hangs itself; the other has left its pipes to somebody who does.
        for script in ["echo said; exec sleep 60", "echo said; sleep 5 & exit 0"] {
            let told = catch_unwind(|| {
                output_within(&mut shell(script), Duration::from_millis(300));
            });
            let told = told.expect_err("it hangs");
            let told = told.downcast_ref::<String>().expect("a message");
            assert!(told.contains("-- stdout\nsaid\n"), "{told}");
        }
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}
