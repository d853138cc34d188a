//! One manager does the work once, under a stopwatch.

use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use gantry_test::{Process, processes_with};
use rustix::process::{WaitOptions, wait};

use super::peer::{Peer, Work};

/// The variable that marks every process of a round.
const MARK: &str = "GANTRY_COMPARE";

/// How many services are killed to see when they are back.
const VICTIMS: usize = 5;

/// What is the same for all.
pub(super) struct Ground<'a> {
    pub(super) service: &'a Path,
    pub(super) path: OsString,
    pub(super) services: usize,
}

/// What one round took.
pub(super) struct Times {
    pub(super) up: Duration,
    pub(super) status: Option<Duration>,
    pub(super) restarts: Vec<Duration>,
    pub(super) down: Duration,
    /// In KiB.
    pub(super) memory: u64,
}

/// A manager with its services up.
pub(super) struct Stage<'a> {
    peer: &'a dyn Peer,
    ground: &'a Ground<'a>,
    pub(super) work: Work,
    mark: String,
    ear: Ear,
    pub(super) up: Child,
    /// The services, as they said themselves.
    pub(super) pids: HashSet<i32>,
}

/// Let a manager do the work.
pub(super) fn round(peer: &dyn Peer, ground: &Ground<'_>) -> anyhow::Result<Times> {
    let folder = tempfile::Builder::new().prefix("compare-").tempdir()?;
    let (mut stage, up) = Stage::set(peer, ground, folder.path(), ground.services)?;
    // Let it come to rest, so that the next figures are not about starting.
    std::thread::sleep(Duration::from_secs(1));
    let memory = stage.memory();

    let mut status = None;
    if let Some(mut command) = peer.status(&stage.work) {
        let begin = Instant::now();
        let ended = stage.quiet(&mut command).status()?;
        status = Some(begin.elapsed());
        if !ended.success() {
            bail!("its status command ended with {ended}");
        }
    }
    let restarts = if peer.restarts() {
        stage.restarts()?
    } else {
        Vec::new()
    };
    let down = stage.down()?;
    Ok(Times {
        up,
        status,
        restarts,
        down,
        memory,
    })
}

impl<'a> Stage<'a> {
    /// Bring the services up; give how long the last one took to say so.
    pub(super) fn set(
        peer: &'a dyn Peer,
        ground: &'a Ground<'a>,
        folder: &Path,
        services: usize,
    ) -> anyhow::Result<(Self, Duration)> {
        let own = folder.join("own");
        std::fs::create_dir(&own)?;
        let ear = folder.join("ear");
        let beat = [ground.service, Path::new("beat"), &ear];
        let command = beat.iter().map(|word| word.display().to_string()).collect();
        let ear = Ear::open(&ear, Duration::from_secs(60 + services as u64 / 50))?;
        let work = Work {
            folder: own,
            command,
            services,
        };
        peer.prepare(&work)?;
        let mark = folder.display().to_string();
        let mut command = peer.up(&work);
        let begin = Instant::now();
        let up = dress(&mut command, ground, &mark).spawn()?;
        let mut stage = Self {
            peer,
            ground,
            work,
            mark,
            ear,
            up,
            pids: HashSet::new(),
        };
        while stage.pids.len() < services {
            let count = stage.pids.len();
            let said = stage.ear.hear();
            let pid = said.with_context(|| format!("only {count} services came up"))?;
            stage.pids.insert(pid);
        }
        Ok((stage, begin.elapsed()))
    }

    /// Start the manager once more, as somebody would who finds it dead.
    pub(super) fn start_again(&mut self) -> anyhow::Result<()> {
        let mut command = self.peer.up(&self.work);
        self.up = self.quiet(&mut command).spawn()?;
        Ok(())
    }

    fn quiet<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        dress(command, self.ground, &self.mark)
    }

    /// The living services, and everything else that belongs to the round.
    pub(super) fn processes(&self) -> (Vec<Process>, Vec<Process>) {
        let mut all = processes_with(MARK, &self.mark);
        all.extend(
            self.peer
                .unmarked(&self.work)
                .into_iter()
                .filter_map(Process::find),
        );
        let service = self.work.line();
        all.into_iter()
            .partition(|process| process.command == service)
    }

    /// The proportional memory of everything that is no service.
    fn memory(&self) -> u64 {
        let (_, managers) = self.processes();
        managers.iter().map(|process| pss(process.pid)).sum()
    }

    /// Kill services one after the other, and wait for each to be back.
    fn restarts(&self) -> anyhow::Result<Vec<Duration>> {
        // Longer than the second that some managers want to see before a death is not their failure.
        std::thread::sleep(Duration::from_millis(1_200));
        let victims = self.pids.iter().copied().filter_map(Process::find);
        let mut times = Vec::new();
        for victim in victims.take(VICTIMS) {
            let begin = Instant::now();
            victim.kill();
            self.ear
                .hear()
                .context("the killed service did not come back")?;
            times.push(begin.elapsed());
        }
        Ok(times)
    }

    /// Take everything down, and wait until it is.
    pub(super) fn down(&mut self) -> anyhow::Result<Duration> {
        let (mut left, managers) = self.processes();
        left.extend(managers);
        let own = i32::try_from(self.up.id()).unwrap_or(0);
        left.retain(|process| process.pid != own);
        let mut command = self.peer.down(&self.work, &self.up);
        let begin = Instant::now();
        self.quiet(&mut command).status()?;
        while let Some(process) = left.last() {
            if !process.is_alive() {
                left.pop();
            } else if begin.elapsed() > self.ear.patience {
                bail!("it did not go down: {} is left", process.command);
            } else {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        self.up.wait()?;
        Ok(begin.elapsed())
    }
}

/// Whatever a round leaves behind when it fails ends with it.
impl Drop for Stage<'_> {
    fn drop(&mut self) {
        for _ in 0..50 {
            let (services, managers) = self.processes();
            if services.is_empty() && managers.is_empty() {
                break;
            }
            // Managers first: they would start services again.
            managers.iter().chain(&services).for_each(Process::kill);
            std::thread::sleep(Duration::from_millis(5));
        }
        // It is dead by now, or was waited for already.
        let _ = self.up.wait();
        // All that was left without a parent is ours. Thousands of dead who wait to be taken away would be the next
        // manager's burden, if it looks at what runs.
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
    }
}

fn dress<'c>(command: &'c mut Command, ground: &Ground<'_>, mark: &str) -> &'c mut Command {
    command
        .env(MARK, mark)
        .env("PATH", &ground.path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
}

/// Where services say that they live.
struct Ear {
    socket: UnixDatagram,
    patience: Duration,
}

impl Ear {
    fn open(path: &Path, patience: Duration) -> anyhow::Result<Self> {
        let socket = UnixDatagram::bind(path)?;
        socket.set_read_timeout(Some(patience))?;
        Ok(Self { socket, patience })
    }

    fn hear(&self) -> anyhow::Result<i32> {
        let mut bytes = [0; 32];
        let length = self.socket.recv(&mut bytes)?;
        Ok(std::str::from_utf8(&bytes[..length])?.parse()?)
    }
}

fn pss(pid: i32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}
