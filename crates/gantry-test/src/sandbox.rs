//! A private place to run gantry in.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Process, processes_with};
use crate::{binaries, output, wait_until};

/// How long anything may take that a test does not measure.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who runs gantry in a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// Whoever runs the test.
    Same,
    /// An ordinary user that has nothing, by way of `setpriv`; the test must run as root.
    Ordinary,
    /// The same with a number that no other test has, since the kernel counts a user's processes.
    Alone(u32),
}

/// Nobody's number on Debian: a user without a home, rights or processes.
const NOBODY: u32 = 65534;

impl User {
    /// Its number, if it is another one than who runs the test.
    fn number(self) -> Option<u32> {
        match self {
            Self::Same => None,
            Self::Ordinary => Some(NOBODY),
            Self::Alone(number) => Some(number),
        }
    }
}

/// A private `GANTRY_HOME` and a folder for stack files, with the binaries under test.
#[derive(Debug)]
pub struct Sandbox {
    folder: TempDir,
    user: User,
}

/// What a finished `gantry` left.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its exit code; -1 if a signal ended it.
    pub code: i32,
    /// What it printed as its result.
    pub stdout: String,
    /// What it printed beside.
    pub stderr: String,
}

impl Run {
    /// Panic with everything that was printed unless the exit code is this one.
    #[track_caller]
    pub fn expect(&self, code: i32) -> &Self {
        let Self { stdout, stderr, .. } = self;
        assert_eq!(
            self.code, code,
            "exit code\n-- stdout\n{stdout}\n-- stderr\n{stderr}"
        );
        self
    }

    /// Standard output as one JSON value.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!(
                "{error}\n-- stdout\n{}\n-- stderr\n{}",
                self.stdout, self.stderr
            )
        })
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Sandbox {
    /// An empty one for whoever runs the test.
    pub fn new() -> Self {
        Self::of(User::Same)
    }

    /// An empty one for that user.
    pub fn of(user: User) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("gantry-")
            .tempdir()
            .expect("a folder in /tmp");
        let sandbox = Self { folder, user };
        let found = binaries();
        // Links, since an ordinary user may not be able to reach the folder that cargo builds in.
        fs::create_dir(sandbox.path("bin")).expect("bin");
        for program in [&found.gantry, &found.quickstart, &found.web_api] {
            let name = program.file_name().expect("a program has a name");
            let link = sandbox.path("bin").join(name);
            if fs::hard_link(program, &link).is_err() {
                fs::copy(program, &link).expect("a copy of the program");
            }
        }
        fs::create_dir(sandbox.home()).expect("home");
        fs::create_dir(sandbox.path("stack")).expect("stack");
        if user != User::Same {
            let open = fs::Permissions::from_mode(0o755);
            fs::set_permissions(sandbox.folder.path(), open).expect("permissions");
            sandbox.hand_over(&sandbox.home());
            sandbox.hand_over(&sandbox.path("stack"));
        }
        sandbox
    }

    /// A path inside.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// `GANTRY_HOME`.
    pub fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// Copy every file of a folder, and of those below it, into the stack's folder.
    pub fn copy(&self, folder: &Path) {
        self.copy_into(folder, Path::new(""));
    }

    fn copy_into(&self, folder: &Path, to: &Path) {
        for entry in fs::read_dir(folder).expect("a folder to copy").flatten() {
            let (from, to) = (entry.path(), to.join(entry.file_name()));
            if from.is_dir() {
                self.copy_into(&from, &to);
            } else {
                let text = fs::read_to_string(from).expect("a text file");
                self.write(to, &text);
            }
        }
    }

    /// Copy these files of a folder into the stack's folder, each to where it is there.
    pub fn copy_files(&self, folder: &Path, files: &[&str]) {
        for file in files {
            let text = fs::read_to_string(folder.join(file)).expect("a text file");
            self.write(file, &text);
        }
    }

    /// Write a file; folders on the way are made. Relative paths begin at the stack's folder.
    pub fn write(&self, path: impl AsRef<Path>, text: &str) -> PathBuf {
        let path = self.path("stack").join(path);
        let folder = path.parent().expect("a file is in a folder");
        fs::create_dir_all(folder).expect("a folder in the sandbox");
        fs::write(&path, text).expect("a file in the sandbox");
        self.hand_over(folder);
        self.hand_over(&path);
        path
    }

    /// Give a file or folder to the sandbox's user.
    fn hand_over(&self, path: &Path) {
        if let Some(number) = self.user.number() {
            chown(path, Some(number), Some(number)).expect("root may give files away");
        }
    }

    /// Any program as the sandbox's user, not run yet.
    pub fn as_user(&self, program: impl AsRef<OsStr>) -> Command {
        let Some(number) = self.user.number() else {
            return Command::new(program);
        };
        let number = number.to_string();
        let mut command = Command::new("setpriv");
        command.args([
            "--reuid",
            &number,
            "--regid",
            &number,
            "--clear-groups",
            "--",
        ]);
        command.arg(program);
        command
    }

    /// A `gantry` command in the stack's folder, not run yet.
    pub fn command<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let mut command = self.as_user(self.path("bin/gantry"));
        command
            .args(words)
            .current_dir(self.path("stack"))
            .env("GANTRY_HOME", self.home())
            .env("QUICKSTART_PROGRAM", self.path("bin/quickstart"))
            .env("WEB_API_PROGRAM", self.path("bin/web-api"))
            .env("NO_COLOR", "1")
            .env_remove("GANTRY_MODE")
            .stdin(Stdio::null());
        command
    }

    /// Run `gantry` to its end, which comes within two minutes.
    #[track_caller]
    pub fn gantry<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Run {
        output(&mut self.command(words)).into()
    }

    /// The same with another home, which knows nothing of what this one has.
    #[track_caller]
    pub fn elsewhere<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Run {
        let mut command = self.command(words);
        command.env("GANTRY_HOME", self.path("other-home"));
        output(&mut command).into()
    }

    /// Begin a `gantry` that goes on, with its output kept for `wait_with_output`.
    pub fn spawn<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Child {
        let mut command = self.command(words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("gantry runs")
    }

    /// `status -o json` of the stack in the stack's folder.
    #[track_caller]
    pub fn status(&self) -> Value {
        self.gantry(["status", "-o", "json"]).expect(0).json()
    }

    /// Everything that runs with this sandbox's `GANTRY_HOME`: guard, keeper, supervisor, services.
    pub fn processes(&self) -> Vec<Process> {
        processes_with("GANTRY_HOME", &self.home().to_string_lossy())
    }

    /// Every socket file below `GANTRY_HOME`.
    pub fn sockets(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.home()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path
                    .extension()
                    .is_some_and(|extension| extension == "sock")
                {
                    found.push(path);
                }
            }
        }
        found
    }

    /// Panic unless every process has ended and no socket is left, within a second.
    #[track_caller]
    pub fn expect_nothing_left(&self) {
        let limit = Duration::from_secs(1);
        wait_until(
            limit,
            "every process ends",
            || self.processes(),
            Vec::is_empty,
        );
        wait_until(limit, "every socket goes", || self.sockets(), Vec::is_empty);
    }
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // By number and again and again: killing a guard's child only makes the guard start another.
        let begin = std::time::Instant::now();
        loop {
            let left = self.processes();
            if left.is_empty() {
                return;
            }
            assert!(
                begin.elapsed() < PATIENCE,
                "these cannot be killed: {left:?}"
            );
            // Whoever starts others ends first.
            for process in left
                .iter()
                .filter(|process| process.command.contains("__guard"))
            {
                process.kill();
            }
            for process in &left {
                process.kill();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
