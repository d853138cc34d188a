//! What becomes of running services when their manager is killed with SIGKILL and started again.

use std::time::{Duration, Instant};

use super::peer::Peer;
use super::round::{Ground, Stage};

const SERVICES: usize = 10;

/// Nobody starts anything any more when this long nothing was new.
const CALM: Duration = Duration::from_secs(4);

/// Longer than this nobody is watched.
const LIMIT: Duration = Duration::from_secs(20);

/// Kill it over ten services, start it again, and say who runs then.
pub(super) fn kill(peer: &dyn Peer, ground: &Ground<'_>) -> anyhow::Result<String> {
    let folder = tempfile::Builder::new().prefix("compare-").tempdir()?;
    let (mut stage, _) = Stage::set(peer, ground, folder.path(), SERVICES)?;
    std::thread::sleep(Duration::from_secs(1));
    let (_, managers) = stage.processes();
    for pid in peer.manager(&managers, &stage.up) {
        if let Some(process) = gantry_test::Process::find(pid) {
            process.kill();
        }
    }
    stage.up.wait()?;
    stage.start_again()?;

    let begin = Instant::now();
    let mut last_change = begin;
    let mut running = Vec::new();
    while last_change.elapsed() < CALM && begin.elapsed() < LIMIT {
        std::thread::sleep(Duration::from_millis(100));
        let mut now: Vec<i32> = stage
            .processes()
            .0
            .iter()
            .map(|process| process.pid)
            .collect();
        now.sort_unstable();
        if now != running {
            last_change = Instant::now();
            running = now;
        }
    }
    let same = running
        .iter()
        .filter(|pid| stage.pids.contains(pid))
        .count();
    Ok(if same == SERVICES && running.len() == SERVICES {
        format!("same {SERVICES}")
    } else {
        format!("{} run, {same} of them from before", running.len())
    })
}
