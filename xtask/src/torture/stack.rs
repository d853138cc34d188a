//! The stack under torture, seen from outside.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use gantry_test::{Process, processes_with};
use serde_json::Value;
use tempfile::TempDir;

use super::victims::{Victims, pair_of};
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
    pair_capacity: Option<usize>,
    /// Whether it goes on when this is dropped.
    left: bool,
    /// How many lines rotated logs hold, by their paths: these do not change any more.
    rotated: HashMap<PathBuf, usize>,
}

impl Stack {
    /// Bring it up.
    pub(super) fn up(
        programs: &Path,
        count: usize,
        pair_capacity: Option<usize>,
    ) -> anyhow::Result<Self> {
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
            pair_capacity,
            left: false,
            rotated: HashMap::new(),
        };
        // Not waited for: of those that crash, one always does at this moment.
        stack.restore()?;
        Ok(stack)
    }

    /// Let it run on, for somebody to look at. Gives where it is.
    pub(super) fn leave(&mut self) -> &Path {
        self.left = true;
        self.folder.disable_cleanup(true);
        self.folder.path()
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

    /// How many pairs of guard and keeper there are.
    pub(super) fn pairs(&self) -> usize {
        let folders = self.state().map(|state| state.join("keepers"));
        let pairs = folders.and_then(|folders| Some(std::fs::read_dir(folders).ok()?.count()));
        pairs.unwrap_or(1).max(1)
    }

    /// The processes that are this part of the stack now.
    pub(super) fn find(&self, part: Part, pair: usize) -> Option<Victims> {
        let begin = Instant::now();
        while begin.elapsed() < HEALED {
            let found = self.look_for(part, pair);
            if found.is_some() {
                return found;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }

    fn look_for(&self, part: Part, pair: usize) -> Option<Victims> {
        let own = self.processes();
        if part == Part::Supervisor {
            let mut own = own.into_iter();
            let supervisor = own.find(|process| process.command.contains(" __supervisor"))?;
            return Some(Victims::One(supervisor));
        }
        // Guards and keepers have the same arguments, since a keeper is a copy of its guard; the file that
        // both have locked tells which pair they are. A guard's parent is of another pair, or of none.
        let own = own.into_iter().filter(is_guard);
        let pair: Vec<Process> = own.filter(|one| pair_of(one) == Some(pair)).collect();
        let keeper = pair
            .iter()
            .find(|one| pair.iter().any(|other| one.parent == other.pid))?;
        let guard = pair.iter().find(|one| one.pid == keeper.parent)?;
        let (guard, keeper) = (guard.clone(), keeper.clone());
        Some(match part {
            Part::Guard => Victims::One(guard),
            Part::Pair => Victims::Pair { guard, keeper },
            _ => Victims::One(keeper),
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
            // Held first: otherwise one starts another one again before its turn has come.
            for part in &parts {
                part.hold();
            }
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
        let mut text = String::new();
        for file in self.log_files(name) {
            text.push_str(&std::fs::read_to_string(file)?);
        }
        Ok(text)
    }

    /// How many bytes a service's log has.
    pub(super) fn length(&self, name: &str) -> u64 {
        let files = self.log_files(name).into_iter();
        let sizes = files.filter_map(|file| Some(std::fs::metadata(file).ok()?.len()));
        sizes.sum()
    }

    /// How many lines all services have printed, as the logs are at this moment.
    pub(super) fn lines(&mut self) -> usize {
        let names = self.services.iter();
        let files: Vec<PathBuf> = names.flat_map(|(name, _)| self.log_files(name)).collect();
        let count = |file: &PathBuf| {
            let bytes = std::fs::read(file).unwrap_or_default();
            bytes.split(|byte| *byte == b'\n').count() - 1
        };
        let mut lines = 0;
        for file in files {
            lines += if file.ends_with("current") {
                count(&file)
            } else if let Some(known) = self.rotated.get(&file) {
                *known
            } else {
                let found = count(&file);
                self.rotated.insert(file, found);
                found
            };
        }
        lines
    }

    /// The files of a service's log, oldest first.
    fn log_files(&self, name: &str) -> Vec<PathBuf> {
        let Some(stack) = self.state() else {
            return Vec::new();
        };
        let folder = stack.join(format!("services/{name}/1/log"));
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        // `current` sorts behind names that begin with a year.
        files.sort();
        files
    }

    /// The folder in which gantry keeps what it knows of the stack.
    fn state(&self) -> Option<PathBuf> {
        let stacks = std::fs::read_dir(self.home().join("stacks"));
        let stacks = stacks.into_iter().flatten().flatten();
        stacks.map(|entry| entry.path()).find(|path| path.is_dir())
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
            // A Ctrl-C is for the run, which ends after its round.
            .process_group(0)
            .stdin(Stdio::null());
        if let Some(capacity) = self.pair_capacity {
            command.env("GANTRY_PAIR_CAPACITY", capacity.to_string());
        }
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
        if self.left {
            return;
        }
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
