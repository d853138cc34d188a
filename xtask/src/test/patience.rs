//! Ending what hangs: a test that never ends must fail with its name, and not take the whole run along.

use std::fs;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use gantry_test::Process;

/// How long a test program may say nothing. The slowest silent tests take some three minutes on two idle cores.
pub(super) const SILENCE: Duration = Duration::from_mins(12);

/// How long a step that is no Rust test may take.
const STEP: Duration = Duration::from_mins(25);

/// Waits for a step; what takes too long is ended, with its children.
pub(super) fn wait(child: &mut Child) -> anyhow::Result<ExitStatus> {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if begin.elapsed() > STEP {
            kill_children(child.id());
            child.kill()?;
            child.wait()?;
            anyhow::bail!("not done after {} minutes, and killed", STEP.as_secs() / 60);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Kills the children of a process and leaves itself alone: of cargo they are the test program that hangs, and cargo goes
/// on with the next one.
pub(super) fn kill_children(parent: u32) {
    for child in children(parent) {
        println!("==> killing {child}, which hangs");
        let child = i32::try_from(child).ok().and_then(Process::find);
        child.iter().for_each(Process::kill);
    }
}

fn children(parent: u32) -> Vec<u32> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let ids = processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id| parent_of(*id) == Some(parent)).collect()
}

/// The fourth field of `stat`, counted from the end of the name, which may contain anything (proc(5)).
fn parent_of(id: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, after) = stat.rsplit_once(')')?;
    after.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{children, kill_children};

    #[test]
    fn children_are_found_and_end() {
        let mut child = Command::new("sleep").arg("60").spawn().expect("it runs");
        assert!(children(std::process::id()).contains(&child.id()));
        let mut shell = Command::new("sh")
            .args(["-c", "sleep 60; exit 7"])
            .spawn()
            .expect("it runs");
        while children(shell.id()).is_empty() {
            std::thread::yield_now();
        }
        kill_children(shell.id());
        let status = shell.wait().expect("it ends");
        assert_eq!(status.code(), Some(7), "the parent goes on");
        child.kill().expect("it runs");
        child.wait().expect("it ends");
    }
}
