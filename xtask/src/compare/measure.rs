//! Doing the work once and again, with a stopwatch.

use std::collections::HashSet;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use gantry_test::{Process, processes_with};

use super::peer::{Peer, Work};

/// The variable that marks every process of a round.
const MARK: &str = "GANTRY_COMPARE";
const LIMIT: Duration = Duration::from_mins(1);

/// What one manager needed: the median of the rounds.
pub(super) struct Row {
    pub(super) name: &'static str,
    /// From the command to the last service's word.
    pub(super) up: Duration,
    /// One call for the state of everything.
    pub(super) status: Option<Duration>,
    /// From a service's death to its successor's word.
    pub(super) restart: Option<Duration>,
    /// From the command until nothing is left.
    pub(super) down: Duration,
    /// Proportional memory of everything besides the services, in KiB.
    pub(super) memory: u64,
}

/// Let a manager do the work this many times.
pub(super) fn measure(
    peer: &dyn Peer,
    service: &Path,
    services: usize,
    rounds: usize,
) -> anyhow::Result<Row> {
    let mut rows = Vec::new();
    for number in 0..rounds.max(1) {
        rows.push(round(
            peer,
            service,
            services,
            &format!("{}-{number}", std::process::id()),
        )?);
    }
    let middle = |mut values: Vec<Duration>| {
        values.sort();
        values.get(values.len() / 2).copied()
    };
    let memory = rows.iter().map(|row| row.memory).min().unwrap_or(0);
    Ok(Row {
        name: peer.name(),
        up: middle(rows.iter().map(|row| row.up).collect()).unwrap_or_default(),
        status: middle(rows.iter().filter_map(|row| row.status).collect()),
        restart: middle(rows.iter().filter_map(|row| row.restart).collect()),
        down: middle(rows.iter().map(|row| row.down).collect()).unwrap_or_default(),
        memory,
    })
}

fn round(peer: &dyn Peer, service: &Path, services: usize, mark: &str) -> anyhow::Result<Row> {
    let folder = tempfile::Builder::new().prefix("compare-").tempdir()?;
    let ear = Ear::open(&folder.path().join("ear"))?;
    let own = folder.path().join("own");
    std::fs::create_dir(&own)?;
    let beat = [service, Path::new("beat"), &folder.path().join("ear")];
    let command = beat.iter().map(|word| word.display().to_string()).collect();
    let work = Work {
        folder: &own,
        command,
        services,
    };
    peer.prepare(&work)?;
    let left = Leftovers { mark };

    let begin = Instant::now();
    let mut up = quiet(&mut peer.up(&work)).env(MARK, mark).spawn()?;
    let mut pids = HashSet::new();
    while pids.len() < services {
        pids.insert(ear.hear().context("not every service came up")?);
    }
    let up_time = begin.elapsed();
    // Let it come to rest, so that the next figures are not about starting.
    std::thread::sleep(Duration::from_millis(500));
    let memory = memory(mark, service);

    let status = peer.status(&work).map(|mut command| {
        let begin = Instant::now();
        let status = quiet(&mut command).env(MARK, mark).status();
        (status, begin.elapsed())
    });
    let status = match status {
        Some((Ok(status), time)) if status.success() => Some(time),
        Some((Ok(status), _)) => bail!("its status command ended with {status}"),
        Some((Err(error), _)) => return Err(error.into()),
        None => None,
    };

    let restart = if peer.name() == "floor" {
        None
    } else {
        Some(restart(&ear, &pids)?)
    };

    let begin = Instant::now();
    if let Some(mut command) = peer.down(&work, &up) {
        quiet(&mut command).env(MARK, mark).status()?;
    }
    let is_manager = |process: &Process| process.pid != i32::try_from(up.id()).unwrap_or(0);
    while processes_with(MARK, mark).iter().any(is_manager) {
        if begin.elapsed() > LIMIT {
            bail!("it did not go down");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    up.wait()?;
    let down = begin.elapsed();
    drop(left);
    Ok(Row {
        name: peer.name(),
        up: up_time,
        status,
        restart,
        down,
        memory,
    })
}

fn restart(ear: &Ear, pids: &HashSet<i32>) -> anyhow::Result<Duration> {
    // Longer than the second that some managers want to see before a death is not their failure.
    std::thread::sleep(Duration::from_millis(1_200));
    let victim = pids
        .iter()
        .copied()
        .find_map(Process::find)
        .context("a service runs")?;
    let begin = Instant::now();
    victim.kill();
    ear.hear().context("the killed service did not come back")?;
    Ok(begin.elapsed())
}

/// Where services say that they live.
struct Ear(UnixDatagram);

impl Ear {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let socket = UnixDatagram::bind(path)?;
        socket.set_read_timeout(Some(LIMIT))?;
        Ok(Self(socket))
    }

    fn hear(&self) -> anyhow::Result<i32> {
        let mut bytes = [0; 32];
        let length = self.0.recv(&mut bytes)?;
        Ok(std::str::from_utf8(&bytes[..length])?.parse()?)
    }
}

fn quiet(command: &mut Command) -> &mut Command {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
}

/// The proportional memory of every process of a round that is no service.
fn memory(mark: &str, service: &Path) -> u64 {
    let service = service.display().to_string();
    let managers = processes_with(MARK, mark);
    let managers = managers
        .iter()
        .filter(|process| !process.command.starts_with(&service));
    managers.map(|process| pss(process.pid)).sum()
}

fn pss(pid: i32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// Whatever a round leaves behind when it fails ends with it.
struct Leftovers<'a> {
    mark: &'a str,
}

impl Drop for Leftovers<'_> {
    fn drop(&mut self) {
        for _ in 0..50 {
            let left = processes_with(MARK, self.mark);
            if left.is_empty() {
                break;
            }
            left.iter().for_each(Process::kill);
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
