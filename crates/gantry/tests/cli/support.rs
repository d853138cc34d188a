//! A folder with a stack file and a `GANTRY_HOME` of its own, of which no process stays behind.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use gantry_test::{Process, processes_with};
use serde_json::Value;
use tempfile::TempDir;

/// A stack's folder.
pub(crate) struct Stack {
    folder: TempDir,
}

/// What a `gantry` printed.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Stack {
    /// Without a stack file.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("gantry-cli-")
            .tempdir()
            .expect("a folder");
        fs::create_dir(folder.path().join("stack")).expect("a folder");
        Self { folder }
    }

    /// With this stack file.
    pub(crate) fn of(text: &str) -> Self {
        let stack = Self::empty();
        stack.write("gantry.toml", text);
        stack
    }

    /// Write a file into the stack's folder.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).expect("a file");
        path
    }

    /// The stack's folder.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("stack")
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The command, not run yet.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test starts the program under test"
    )]
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("gantry"));
        command
            .args(words)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.folder.path())
            .env("GANTRY_HOME", self.home())
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Run it to its end.
    pub(crate) fn gantry(&self, words: &[&str]) -> Run {
        Run::from(gantry_test::output(&mut self.command(words)))
    }

    /// Run it, and draw what it printed with everything that differs from run to run replaced.
    pub(crate) fn shown(&self, words: &[&str]) -> String {
        self.show(self.command(words))
    }

    /// The same of a command that was changed.
    pub(crate) fn show(&self, mut command: Command) -> String {
        let run = Run::from(gantry_test::output(&mut command));
        let mut text = format!("exit code: {}\n", run.code);
        for (name, printed) in [("stdout", &run.stdout), ("stderr", &run.stderr)] {
            if !printed.is_empty() {
                let _ = write!(text, "----- {name}\n{}", self.settled(printed));
            }
        }
        text
    }

    /// The same text with paths, times and numbers of processes replaced.
    fn settled(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (path, name) in [(self.path(), "[STACK]"), (self.home(), "[HOME]")] {
            let real = path.canonicalize().unwrap_or_else(|_| path.clone());
            for path in [real, path] {
                text = text.replace(path.to_string_lossy().as_ref(), name);
            }
        }
        for (pattern, name) in FILTERS {
            let pattern = regex::Regex::new(pattern).expect("a filter");
            text = pattern.replace_all(&text, *name).into_owned();
        }
        text
    }

    /// `status -o json`.
    pub(crate) fn status(&self) -> Value {
        let run = self.gantry(&["status", "-o", "json"]);
        serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}{}", run.stdout, run.stderr))
    }

    /// Everything that runs for this stack.
    pub(crate) fn processes(&self) -> Vec<Process> {
        processes_with("GANTRY_HOME", &self.home().to_string_lossy())
    }

    /// Panic unless every process has gone. The last to go is the guard, after it took its socket away.
    #[track_caller]
    pub(crate) fn expect_nothing_left(&self) {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(1) && !self.processes().is_empty() {
            std::thread::sleep(Duration::from_millis(2));
        }
        assert_eq!(self.processes(), []);
    }

    /// Wait for something in the status.
    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let begin = Instant::now();
        loop {
            let status = self.status();
            if holds(&status) {
                return status;
            }
            assert!(
                begin.elapsed() < Duration::from_secs(20),
                "{what}: {status:#}"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// What differs from run to run, and what stands for it.
const FILTERS: &[(&str, &str)] = &[
    // A stack that was just brought up is up for a second or two.
    (r"(\d/\d +)\ds( +)", "${1}0s$2"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[TIME]"),
    (r"\b\d\d:\d\d:\d\d(\.\d+)?\b", "[CLOCK]"),
    (r"127\.0\.0\.1:\d{4,5}", "127.0.0.1:[PORT]"),
    (
        r#""(pid|uptime_s|duration_ms|sequence|operation)": ?[\d.]+"#,
        r#""$1": [N]"#,
    ),
    (r"(pid|uptime_s|duration_ms): [\d.]+", "$1: [N]"),
    (r"\bpid \d+", "pid [N]"),
    (
        r"(up|in|within|after)( +)(\d+(\.\d)?(ms|s|m|h|d)\b ?)+",
        "$1$2[LENGTH]",
    ),
    (r", (\d+(\.\d)?(ms|s|m) ?)+ago", ", [LENGTH] ago"),
    (r"\b[0-9a-f]{8}\b", "[HASH]"),
    (r#""version": "\d+\.\d+\.\d+""#, r#""version": "[VERSION]""#),
];

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Run {
    /// Panic with everything unless this is the exit code.
    #[track_caller]
    pub(crate) fn expect(&self, code: i32) -> &Self {
        let Self { stdout, stderr, .. } = self;
        assert_eq!(self.code, code, "\n{stdout}\n{stderr}");
        self
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // A guard would start again what is killed below it: it goes first.
        for _ in 0..500 {
            let left = self.processes();
            if left.is_empty() {
                return;
            }
            let (guards, others): (Vec<_>, Vec<_>) = left
                .into_iter()
                .partition(|process| process.command.contains("__guard"));
            guards.iter().chain(&others).for_each(Process::kill);
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The folder in which a program of this name is, if it is installed: the tests' own `PATH` has more folders than those
/// that a stack is given.
pub(crate) fn program_folder(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).find(|folder| folder.join(name).is_file())
}

/// The workspace's folder.
pub(crate) fn workspace() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("a workspace")
}
