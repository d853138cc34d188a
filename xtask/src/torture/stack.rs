//! The stack under torture, seen from outside.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use gantry_test::{Process, processes_with};
use serde_json::Value;
use tempfile::TempDir;

use super::Part;

/// Everything that runs with this stack's private home ends when it is dropped.
pub(super) struct Stack {
    folder: TempDir,
    gantry: PathBuf,
    services: usize,
}

impl Stack {
    /// Bring up services that count.
    pub(super) fn up(programs: &Path, services: usize) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("torture-").tempdir()?;
        let service = programs.join("gantry-test-service");
        let mut file = "name = \"torture\"\n".to_owned();
        for number in 1..=services {
            writeln!(
                file,
                "[services.s{number}]\nrestart = {{ policy = \"always\" }}"
            )?;
            writeln!(
                file,
                "logs = {{ max-size = \"100MiB\" }}\n[services.s{number}.process]"
            )?;
            writeln!(
                file,
                "command = [{:?}, \"count\", \"20\"]",
                service.display().to_string()
            )?;
        }
        std::fs::write(folder.path().join("gantry.toml"), file)?;
        let stack = Self {
            folder,
            gantry: programs.join("gantry"),
            services,
        };
        stack.gantry(&["up", "-d"])?;
        Ok(stack)
    }

    /// Take it down, and see that nothing is left.
    pub(super) fn down(&self) -> anyhow::Result<()> {
        self.gantry(&["down"])?;
        let begin = Instant::now();
        while !self.processes().is_empty() {
            ensure!(
                begin.elapsed() < Duration::from_secs(2),
                "down left {:?}",
                self.processes()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Each instance and its process.
    pub(super) fn pids(&self) -> anyhow::Result<Vec<(String, u64)>> {
        let status = self.status()?;
        let services = status["services"]
            .as_array()
            .context("status has services")?;
        let instances = services
            .iter()
            .filter_map(|one| one["instances"].as_array())
            .flatten();
        Ok(instances
            .filter_map(|one| Some((one["id"].as_str()?.to_owned(), one["pid"].as_u64()?)))
            .collect())
    }

    /// How often anything was started again.
    pub(super) fn restarts(&self) -> anyhow::Result<u64> {
        let status = self.status()?;
        let services = status["services"]
            .as_array()
            .context("status has services")?;
        Ok(services
            .iter()
            .filter_map(|one| one["restarts"].as_u64())
            .sum())
    }

    /// The process that is this part of the stack now.
    pub(super) fn find(&self, part: Part) -> Option<Process> {
        let begin = Instant::now();
        while begin.elapsed() < super::HEALED {
            let found = self.look_for(part);
            if found.is_some() {
                return found;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }

    fn look_for(&self, part: Part) -> Option<Process> {
        let own = self.processes();
        let mut guards = own
            .iter()
            .filter(|process| process.command.contains(" __guard"));
        match part {
            Part::Supervisor => own
                .iter()
                .find(|process| process.command.contains(" __supervisor"))
                .cloned(),
            // Guard and keeper have the same arguments, since a keeper is a copy of its guard.
            Part::Guard => guards
                .find(|one| !own.iter().any(|other| is_child(one, other)))
                .cloned(),
            Part::Keeper => guards
                .find(|one| own.iter().any(|other| is_child(one, other)))
                .cloned(),
        }
    }

    /// Every number once and in order, in every log; gives how many there were.
    pub(super) fn check_logs(&self) -> anyhow::Result<usize> {
        let mut lines = 0;
        for number in 1..=self.services {
            let name = format!("s{number}");
            let text = self.gantry(&["logs", "--raw", &name])?;
            for (index, line) in text.lines().enumerate() {
                ensure!(
                    line == (index + 1).to_string(),
                    "{name}: line {} is {line:?}",
                    index + 1
                );
                lines += 1;
            }
            ensure!(!text.is_empty(), "{name}: no line at all");
        }
        Ok(lines)
    }

    fn status(&self) -> anyhow::Result<Value> {
        Ok(serde_json::from_str(
            &self.gantry(&["status", "-o", "json"])?,
        )?)
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn processes(&self) -> Vec<Process> {
        processes_with("GANTRY_HOME", &self.home().display().to_string())
    }

    fn gantry(&self, words: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(&self.gantry);
        command
            .args(words)
            .current_dir(self.folder.path())
            .env("GANTRY_HOME", self.home());
        let output = command.output()?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            bail!(
                "gantry {}: {}: {}",
                words.join(" "),
                output.status,
                stderr.trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// Whether the first one is a child of the second.
fn is_child(one: &Process, other: &Process) -> bool {
    one.parent == other.pid
}

impl Drop for Stack {
    fn drop(&mut self) {
        for _ in 0..100 {
            let left = self.processes();
            if left.is_empty() {
                break;
            }
            left.iter().for_each(Process::kill);
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
