//! What runs although the ledger does not say so: it was damaged, or is gone.
//!
//! Every process that a keeper began is in a group that is named after the start, or carries the start's
//! mark in its environment. So what lives is found again, and is neither left behind nor started a
//! second time. What ended meanwhile is not, and whoever asks learns that it is no longer there.

use std::collections::{BTreeMap, HashMap};
use std::os::fd::RawFd;

use camino::Utf8PathBuf;
use gantry_sys::{CgroupRoot, Stat};

use super::{boot_millis, now_us};
use crate::guard::MARK;
use crate::ledger::{Entry, Key, RunState, Starting, State};
use crate::protocol::{
    Event, EventBody, Generation, InstanceName, JobName, LogPolicy, ProcessId, Proof, Voice,
};
use crate::report::report;
use crate::shared::Shared;

/// How much longer a job may run whose time limit is not known any more.
const JOB_LIMIT_MS: u64 = 60 * 60 * 1000;

/// How much of such a job's output is kept.
const JOB_CAPTURE: u64 = 64 * 1024;

/// One start of which something lives.
#[derive(Default)]
struct Found {
    members: Vec<Stat>,
    group: Option<Utf8PathBuf>,
}

/// Add to what the ledger says whatever else runs. Gives what was added, for the ledger.
pub(super) fn salvage(
    state: &mut State,
    shared: &Shared,
    hash: &str,
    cgroups: Option<&CgroupRoot>,
) -> Vec<Entry> {
    let boot_id = &*shared.boot_id;
    let of_others = crate::ledger::leaders_of_others(&shared.layout);
    // Numbers that were given already must not be given again.
    state.sequence = state.sequence.max(u64::try_from(now_us()).unwrap_or(0));
    let mut found = by_mark(hash);
    if let Some(root) = cgroups {
        by_group(root, hash, &mut found);
    }
    if found.is_empty() {
        return Vec::new();
    }
    let ours = open_pipes();
    let mut entries = Vec::new();
    for (key, found) in found {
        let Some(leader) = leader(&found.members) else {
            continue;
        };
        if is_known(state, &key) || of_others.contains(&leader.process()) {
            continue;
        }
        if let Key::Instance(name, _) = &key {
            let is_before = |run: &RunState| matches!(&run.starting.key, Key::Instance(other, _) if other == name);
            state.runs.retain(|run| !is_before(run));
        }
        let run = run_of(key, leader, found.group, boot_id, &ours);
        entries.push(Entry::Starting(Box::new(run.starting.clone())));
        entries.extend(run.started.map(|(pid, start_time)| Entry::Started {
            key: run.starting.key.clone(),
            pid,
            start_time,
        }));
        entries.extend(
            run.events
                .iter()
                .cloned()
                .map(|event| Entry::Event { event }),
        );
        report(format!(
            "{} runs as {}, and the ledger did not say so",
            label(&run.starting.key),
            leader.pid
        ));
        state.runs.push(run);
    }
    let of_this_boot = |event: &Event| matches!(&event.body, EventBody::Spawned { process, .. } if process.boot_id == boot_id);
    if state
        .runs
        .iter()
        .any(|run| run.started.is_some() || run.events.iter().any(of_this_boot))
    {
        state.boot_id = Some(boot_id.to_owned());
    }
    entries
}

/// Whether the ledger knows this start, or a later one.
fn is_known(state: &State, key: &Key) -> bool {
    state.runs.iter().any(|run| match (&run.starting.key, key) {
        (Key::Instance(name, known), Key::Instance(other, generation)) => {
            name == other && known >= generation
        }
        (known, key) => known == key,
    })
}

fn label(key: &Key) -> String {
    match key {
        Key::Instance(name, generation) => format!("start {generation} of {name}"),
        Key::Job(name) => format!("job {name}"),
    }
}

/// All that carries the mark of this stack.
fn by_mark(hash: &str) -> BTreeMap<Key, Found> {
    let mut found: BTreeMap<Key, Found> = BTreeMap::new();
    match gantry_sys::all_marked(MARK) {
        Ok(marked) => {
            for (mark, member) in marked {
                if let Some(key) = key_of(&mark, hash) {
                    found.entry(key).or_default().members.push(member);
                }
            }
        }
        Err(error) => report(error.to_string()),
    }
    found
}

/// The start that a mark's value names: `HASH/INSTANCE/GENERATION` or `HASH/job:NAME`.
fn key_of(mark: &str, hash: &str) -> Option<Key> {
    let start = mark.strip_prefix(hash)?.strip_prefix('/')?;
    if let Some(job) = start.strip_prefix("job:") {
        return Some(Key::Job(JobName::new(job)));
    }
    let (name, generation) = start.split_once('/')?;
    instance(name, generation)
}

fn instance(name: &str, generation: &str) -> Option<Key> {
    let name: InstanceName = name.parse().ok()?;
    let generation: Generation = generation.parse().ok()?;
    Some(Key::Instance(name, generation))
}

/// All that is in groups of this stack. Those of jobs have no name; one of its processes has.
fn by_group(root: &CgroupRoot, hash: &str, found: &mut BTreeMap<Key, Found>) {
    for group in root.groups() {
        let members: Vec<Stat> = group
            .pids()
            .into_iter()
            .filter_map(gantry_sys::stat)
            .filter(|stat| !stat.is_dead())
            .collect();
        let path = group.path().to_str();
        let name = path.and_then(|path| path.rsplit('/').next());
        let (Some(path), Some(name)) = (path, name) else {
            continue;
        };
        let named = name
            .split_once('@')
            .and_then(|(name, generation)| instance(name, generation));
        let marked = || {
            let mut marks = members
                .iter()
                .filter_map(|member| gantry_sys::environment_value(member.pid, MARK));
            marks.find_map(|mark| key_of(&mark, hash))
        };
        if let Some(key) = named.or_else(marked) {
            let found = found.entry(key).or_default();
            found.members = members;
            found.group = Some(path.into());
        }
    }
}

/// The first of a tree: who leads a session, and is the oldest of them.
fn leader(members: &[Stat]) -> Option<&Stat> {
    let of = |leads: bool| {
        let members = members.iter();
        members
            .filter(move |member| (member.session == member.pid) == leads)
            .min_by_key(|member| (member.start_time, member.pid))
    };
    of(true).or_else(|| of(false))
}

fn run_of(
    key: Key,
    leader: &Stat,
    group: Option<Utf8PathBuf>,
    boot_id: &str,
    ours: &HashMap<u64, RawFd>,
) -> RunState {
    let at_us = started_us(leader);
    let proof = if group.is_some() {
        Proof::Cgroup
    } else {
        Proof::Lineage
    };
    let job = matches!(key, Key::Job(_));
    let mut events = Vec::new();
    if let Key::Instance(name, generation) = &key {
        let process = ProcessId {
            pid: leader.pid,
            start_time: leader.start_time,
            boot_id: boot_id.to_owned(),
        };
        events.push(Event {
            // Of no use to anybody but the next keeper.
            sequence: 0,
            at_us,
            body: EventBody::Spawned {
                instance: name.clone(),
                generation: *generation,
                process,
                proof,
                not_applied: Vec::new(),
            },
        });
    }
    RunState {
        started: job.then_some((leader.pid, leader.start_time)),
        starting: Starting {
            key,
            at_us,
            pipes: [pipe(leader.pid, 1, ours), pipe(leader.pid, 2, ours)],
            // Nothing tells which of those that are open is whose.
            terminal: None,
            group,
            limits: Vec::new(),
            // Nothing is removed by a limit that may be another.
            log: LogPolicy {
                keep: u32::MAX,
                ..LogPolicy::default()
            },
            job_grace_ms: 0,
            job_log: None,
            job: job.then(|| (boot_millis() + JOB_LIMIT_MS, JOB_CAPTURE)),
            behind: Vec::new(),
            guard: None,
            voice: Voice::default(),
            ready: None,
            sockets: Vec::new(),
        },
        events,
        stopping: None,
    }
}

/// When a process was started, in microseconds of Unix time.
fn started_us(stat: &Stat) -> i64 {
    let age_ms = boot_millis().saturating_sub(stat.process().started_us() / 1000);
    now_us() - i64::try_from(age_ms).unwrap_or(0) * 1000
}

/// The descriptors of pipes that can be read, by their inodes: what the keepers before had open is open
/// still, as long as their guard lives.
fn open_pipes() -> HashMap<u64, RawFd> {
    let entries = std::fs::read_dir("/proc/self/fd").into_iter().flatten();
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    numbers
        .filter(|fd| access(std::process::id(), *fd) == Some(READ))
        .filter_map(|fd| Some((gantry_sys::inode_of_fd(std::process::id(), fd).ok()?, fd)))
        .collect()
}

const READ: u32 = 0;
const READ_AND_WRITE: u32 = 2;

/// How a process has opened a descriptor: for reading, writing, or both.
fn access(pid: u32, fd: RawFd) -> Option<u32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/fdinfo/{fd}")).ok()?;
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"))?;
    Some(u32::from_str_radix(flags.trim(), 8).ok()? & 3)
}

/// The pipe behind a stream of a service, if it is the one that it was given: descriptor and inode. Only
/// such a pipe is open for both in the service; one that it made for itself is not ours to read.
fn pipe(pid: u32, stream: RawFd, ours: &HashMap<u64, RawFd>) -> (RawFd, u64) {
    let given = || {
        let target = std::fs::read_link(format!("/proc/{pid}/fd/{stream}")).ok()?;
        let inode = target.to_str()?.strip_prefix("pipe:[")?.strip_suffix(']')?;
        let inode = inode.parse().ok()?;
        (access(pid, stream)? == READ_AND_WRITE).then_some(inode)
    };
    given().map_or((-1, 0), |inode| {
        (ours.get(&inode).copied().unwrap_or(-1), inode)
    })
}
