//! What gantry's own processes take.

use gantry_test::{Process, Sandbox};

/// A part of gantry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The root.
    Guard,
    /// The parent of the services.
    Keeper,
    /// The one that thinks.
    Supervisor,
}

impl Part {
    pub(crate) const ALL: [Self; 3] = [Self::Guard, Self::Keeper, Self::Supervisor];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Guard => "guard",
            Self::Keeper => "keeper",
            Self::Supervisor => "supervisor",
        }
    }
}

/// The figures of one part.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    /// Proportional memory in KiB, without the pages of programs: how many share those depends on how many
    /// clients happen to run.
    pub(crate) memory: u64,
    /// Open descriptors.
    pub(crate) descriptors: u64,
}

/// All parts at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample([Figures; 3]);

impl Sample {
    pub(crate) fn of(&self, part: Part) -> &Figures {
        &self.0[part as usize]
    }
}

/// Measure; `None` if a part does not run.
pub(crate) fn take(sandbox: &Sandbox) -> Option<Sample> {
    let own = sandbox.processes();
    let own: Vec<&Process> = own
        .iter()
        .filter(|one| one.command.contains("gantry __"))
        .collect();
    let mut sample = Sample::default();
    let mut seen = [false; 3];
    for process in &own {
        // Guard and keeper have the same arguments, since a keeper is a copy of its guard.
        let part = if process.command.contains(" __supervisor") {
            Part::Supervisor
        } else if own.iter().any(|other| other.pid == process.parent) {
            Part::Keeper
        } else {
            Part::Guard
        };
        seen[part as usize] = true;
        let figures = &mut sample.0[part as usize];
        let files = std::fs::read_dir(format!("/proc/{}/fd", process.pid));
        let descriptors = files.map_or(0, Iterator::count) as u64;
        // There is one of each. A child that has not become its program yet shows the keeper's memory as its own.
        figures.memory = figures.memory.max(memory(process.pid));
        figures.descriptors = figures.descriptors.max(descriptors);
    }
    seen.iter().all(|seen| *seen).then_some(sample)
}

fn memory(pid: i32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss_Anon:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}
