//! The stack under torture, seen from outside.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use gantry_test::{Process, processes_with};
use serde_json::Value;
use tempfile::TempDir;

use super::{HEALED, Part};

/// What a service does; see `gantry-test-service work`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It goes on for ever.
    Steady,
    /// Likewise, with a child.
    Fork,
    /// It ends after a while, and is started again.
    Crash,
    /// It ends after a while, and that is that.
    Once,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Fork => "fork",
            Self::Crash => "crash",
            Self::Once => "once",
        }
    }
}

/// Everything that runs with this stack's private home ends when it is dropped.
pub(super) struct Stack {
    folder: TempDir,
    gantry: PathBuf,
    services: Vec<(String, Kind)>,
}

impl Stack {
    /// Bring it up.
    pub(super) fn up(programs: &Path, count: usize) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("torture-").tempdir()?;
        let book = folder.path().join("book");
        std::fs::create_dir(&book)?;
        let program = programs.join("gantry-test-service");
        let kinds = [Kind::Steady, Kind::Fork, Kind::Crash, Kind::Once];
        let services: Vec<(String, Kind)> = (0..count)
            .map(|number| (format!("s{}", number + 1), kinds[number % kinds.len()]))
            .collect();
        let mut file = "name = \"torture\"\n".to_owned();
        for (name, kind) in &services {
            let (restart, auto) = match kind {
                Kind::Once => ("{ policy = \"never\" }", false),
                _ => (
                    "{ policy = \"always\", backoff = \"100ms..500ms\", max = 0 }",
                    true,
                ),
            };
            write!(
                file,
                "[services.{name}]\nauto-start = {auto}\nrestart = {restart}\n\
                 stop = {{ grace = \"5s\" }}\nlogs = {{ max-size = \"64KiB\", keep = 1000 }}\n\
                 [services.{name}.process]\ncommand = [{:?}, \"work\", {:?}, {name:?}, {:?}]\n",
                program.display().to_string(),
                book.display().to_string(),
                kind.word()
            )?;
        }
        std::fs::write(folder.path().join("gantry.toml"), file)?;
        let stack = Self {
            folder,
            gantry: programs.join("gantry"),
            services,
        };
        // Not waited for: of those that crash, one always does at this moment.
        stack.restore()?;
        Ok(stack)
    }

    /// Where services write what they did.
    pub(super) fn book(&self) -> PathBuf {
        self.folder.path().join("book")
    }

    pub(super) fn services(&self) -> &[(String, Kind)] {
        &self.services
    }

    /// The services of a kind.
    pub(super) fn of(&self, kind: Kind) -> impl Iterator<Item = &str> {
        let all = self.services.iter();
        all.filter(move |(_, of)| *of == kind)
            .map(|(name, _)| name.as_str())
    }

    /// Stop every service, and leave the stack up.
    pub(super) fn stop_all(&self) -> anyhow::Result<()> {
        let mut words = vec!["stop"];
        words.extend(self.services.iter().map(|(name, _)| name.as_str()));
        self.gantry(&words).map(drop)
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

    /// The process that is this part of the stack now.
    pub(super) fn find(&self, part: Part) -> Option<Process> {
        let begin = Instant::now();
        while begin.elapsed() < HEALED {
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
        if part == Part::Supervisor {
            return own
                .iter()
                .find(|process| process.command.contains(" __supervisor"))
                .cloned();
        }
        // Guard and keeper have the same arguments, since a keeper is a copy of its guard. A guard's
        // parent is another program, or nobody: the keeper that takes its place has lost its own.
        let pair: Vec<&Process> = own.iter().filter(|one| is_guard(one)).collect();
        let keeper = pair
            .iter()
            .find(|one| pair.iter().any(|other| one.parent == other.pid))?;
        let guard = pair.iter().find(|one| one.pid == keeper.parent)?;
        Some(match part {
            Part::Guard => (*guard).clone(),
            _ => (*keeper).clone(),
        })
    }

    /// Kill guard, keeper and supervisor, and whoever took the place of one meanwhile.
    pub(super) fn kill_all(&self) -> anyhow::Result<usize> {
        let begin = Instant::now();
        let mut killed = 0;
        loop {
            let all = self.processes();
            let parts: Vec<&Process> = all
                .iter()
                .filter(|one| is_guard(one) || one.command.contains(" __supervisor"))
                .collect();
            if parts.is_empty() {
                return Ok(killed);
            }
            ensure!(
                begin.elapsed() < HEALED,
                "these cannot be killed: {parts:?}"
            );
            killed += parts.len();
            parts.into_iter().for_each(Process::kill);
        }
    }

    /// Bring up what is not, and take over what lives.
    pub(super) fn restore(&self) -> anyhow::Result<()> {
        self.gantry(&["up", "-d", "--no-wait"]).map(drop)
    }

    /// An order for this one may have been lost with who heard it.
    pub(super) fn ensure_up(&self, name: &str) -> anyhow::Result<()> {
        self.gantry(&["start", name]).map(drop)
    }

    pub(super) fn status(&self) -> anyhow::Result<Value> {
        Ok(serde_json::from_str(
            &self.gantry(&["status", "-o", "json"])?,
        )?)
    }

    /// The records of a service's log, oldest first.
    pub(super) fn log(&self, name: &str) -> anyhow::Result<String> {
        let stacks = self.home().join("stacks");
        let stack = std::fs::read_dir(&stacks)?
            .flatten()
            .find(|entry| entry.path().is_dir())
            .context("no stack")?;
        let folder = stack.path().join(format!("services/{name}/1/log"));
        let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
            .unwrap_or_default();
        // `current` sorts behind names that begin with a year.
        files.sort();
        let mut text = String::new();
        for file in files {
            text.push_str(&std::fs::read_to_string(file)?);
        }
        Ok(text)
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn processes(&self) -> Vec<Process> {
        processes_with("GANTRY_HOME", &self.home().display().to_string())
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.gantry);
        command
            .args(words)
            .current_dir(self.folder.path())
            .env("GANTRY_HOME", self.home())
            .stdin(Stdio::null());
        command
    }

    /// Begin a `gantry` whose supervisor may be killed meanwhile.
    pub(super) fn begin(&self, words: &[&str]) -> anyhow::Result<Child> {
        let mut command = self.command(words);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Ok(command.spawn()?)
    }

    /// Wait for its end. That it failed is no failure.
    pub(super) fn end(&self, mut child: Child) -> anyhow::Result<()> {
        let begin = Instant::now();
        while child.try_wait()?.is_none() {
            if begin.elapsed() > HEALED {
                child.kill()?;
                child.wait()?;
                let status = self.gantry(&["status"]).unwrap_or_default();
                bail!("a gantry whose supervisor was killed hangs; status says:\n{status}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    pub(super) fn gantry(&self, words: &[&str]) -> anyhow::Result<String> {
        let output = self.command(words).output()?;
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

fn is_guard(process: &Process) -> bool {
    process.command.contains(" __guard")
}

impl Drop for Stack {
    fn drop(&mut self) {
        for _ in 0..100 {
            let left = self.processes();
            if left.is_empty() {
                break;
            }
            // Whoever starts others ends first.
            left.iter()
                .filter(|one| is_guard(one))
                .for_each(Process::kill);
            left.iter().for_each(Process::kill);
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
