//! Looking at processes from outside, by way of `/proc`.

use std::fs;
use std::path::PathBuf;

use rustix::process::{Pid, Signal, kill_process};

/// One running process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// Its arguments, with spaces between.
    pub command: String,
    /// `R`, `S`, `Z` … as the kernel calls it.
    pub state: char,
    /// The number of its parent.
    pub parent: i32,
    /// When it started, in ticks since the machine's start: with the pid it is an identity.
    pub start_time: u64,
}

impl Process {
    /// The process with this number, if there is one. Zombies are processes, too.
    pub fn find(pid: i32) -> Option<Self> {
        let folder = PathBuf::from(format!("/proc/{pid}"));
        let stat = fs::read_to_string(folder.join("stat")).ok()?;
        // The name is in parentheses and may contain anything, parentheses too.
        let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
        let state = fields.next()?.chars().next()?;
        let parent = fields.next()?.parse().ok()?;
        let start_time = fields.nth(17)?.parse().ok()?;
        let command = fs::read(folder.join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command)
            .replace('\0', " ")
            .trim()
            .to_owned();
        Some(Self {
            pid,
            command,
            state,
            parent,
            start_time,
        })
    }

    /// Whether it is still the same one, and not a zombie.
    pub fn is_alive(&self) -> bool {
        Self::find(self.pid)
            .is_some_and(|now| now.start_time == self.start_time && now.state != 'Z')
    }

    /// Send it SIGKILL.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// The file of this name that it has open, if it has one.
    pub fn open_file(&self, name: &str) -> Option<PathBuf> {
        let files = fs::read_dir(format!("/proc/{}/fd", self.pid)).ok()?;
        files
            .flatten()
            .filter_map(|file| fs::read_link(file.path()).ok())
            .find(|target| target.ends_with(name))
    }

    /// Let it do nothing more until it is killed.
    pub fn hold(&self) {
        self.signal(Signal::STOP);
    }

    /// Send it a signal, unless it has gone.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.pid).filter(|_| self.is_alive()) {
            // It may end between looking and sending: then there is nothing to do.
            let _gone = kill_process(pid, signal);
        }
    }
}

/// Every process (no zombies) whose environment has `name=value`.
pub fn processes_with(name: &str, value: &str) -> Vec<Process> {
    let wanted = format!("{name}={value}").into_bytes();
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut found: Vec<Process> = pids
        .filter(|pid: &i32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment
                .split(|byte| *byte == 0)
                .any(|pair| pair == wanted)
        })
        .filter_map(Process::find)
        .filter(|process| process.state != 'Z')
        .collect();
    found.sort_by_key(|process| process.pid);
    found
}
