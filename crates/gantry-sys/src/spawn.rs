//! Starting a program.
//!
//! The child shares the memory of this process until it runs its program, so that neither memory nor
//! descriptor table is copied, and so that the child can leave word in memory of the step that failed and
//! why. What it does in between is in `child`. This thread goes on meanwhile, and may begin the next: each
//! child has a lane, with a stack and a plan of its own, until it is through.
//!
//! | the lane | what is in it | the fault that this prevents |
//! |---|---|---|
//! | free | nothing | |
//! | begun | a child that reads the plan and runs on the stack | a plan that is freed under a child's eyes |
//! | through | a word that the kernel set to 0: the child runs its program, or has ended | |
//!
//! A child may be held up for long, by a disk, or a processor that its host gives to others for a while: lanes are through
//! in any order, and [`Spawner::wait_any`] waits for the first one.

mod child;
mod clone;
mod confine;
mod environment;
mod flight;
mod moment;
mod stage;
mod way;

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::Arc;

pub use environment::{Environment, candidates};
use flight::Flight;
use moment::{Clock, Moment};
pub use stage::{SpawnError, Stage};
use way::Way;

use crate::error::SysError;
use crate::limits::RLimit;
use crate::process::ProcessRef;
use crate::sandbox::Sandbox;
use crate::scheduling::Scheduling;
pub use crate::shared::Witness;
use crate::slots::Slots;
use crate::user::Credentials;

/// What to start, and with what around it.
#[derive(Debug)]
pub struct Spawn<'a> {
    /// The files that the program may be, in the order in which they are tried ([`candidates`]).
    pub programs: &'a [CString],
    /// The arguments, of which the first is the program's name.
    pub argv: &'a [CString],
    /// The environment, each `NAME=value`.
    pub env: &'a [Arc<CStr>],
    /// The working folder.
    pub cwd: &'a CStr,
    /// Who to become.
    pub credentials: Option<&'a Credentials>,
    /// The mask for new files.
    pub umask: Option<u32>,
    /// Limits.
    pub limits: &'a [RLimit],
    /// Soft and hard limit of descriptors, to undo what [`raise_open_files`](crate::raise_open_files) did.
    pub open_files: Option<(u64, u64)>,
    /// Niceness.
    pub nice: Option<i32>,
    /// How it shares processors with others.
    pub scheduling: Option<Scheduling>,
    /// The kernel's out-of-memory score adjustment.
    pub oom_score: Option<i32>,
    /// Standard input, output and error.
    pub stdio: Stdio<'a>,
    /// Whether its standard input is a terminal that is to control its session.
    pub terminal: bool,
    /// What else stays open, and under which number. The numbers are above 2, and differ.
    pub passed: &'a [Passed<'a>],
    /// Variables that name the child's own pid, which nobody knows before it is born.
    pub own_pid: &'a [&'a str],
    /// The control group to be born into.
    pub cgroup: Option<BorrowedFd<'a>>,
    /// What is taken from it.
    pub sandbox: Option<&'a Sandbox>,
    /// Open `cgroup.procs` of further groups to join, of version 1.
    pub join: &'a [BorrowedFd<'a>],
    /// Who learns of the birth even if this process is killed in the middle of it.
    pub witness: Option<Witness>,
}

/// Standard input, output and error.
#[derive(Debug, Clone, Copy)]
pub struct Stdio<'a> {
    /// Input.
    pub input: BorrowedFd<'a>,
    /// Output.
    pub output: BorrowedFd<'a>,
    /// Error.
    pub error: BorrowedFd<'a>,
}

/// A descriptor for the child.
#[derive(Debug, Clone, Copy)]
pub struct Passed<'a> {
    /// What it stands for.
    pub fd: BorrowedFd<'a>,
    /// The child's number for it.
    pub number: i32,
}

/// Starts programs, some at a time.
#[derive(Debug)]
pub struct Spawner {
    lanes: Vec<Lane>,
    clone3_into: bool,
    clock: Clock,
}

/// What a child needs on its way to its program.
#[derive(Debug)]
struct Lane {
    stack: clone::Stack,
    way: Way,
    /// What the child reads, while there is one.
    flight: Option<Box<Flight>>,
    /// How many slots it was lent.
    lent: usize,
}

/// A child that was born and is on its way to its program. It must be [finished](Spawner::finish).
#[derive(Debug)]
#[must_use = "its lane is taken until it is finished"]
pub struct Birth {
    lane: usize,
    pid: u32,
    /// When it was born, if the clock tells.
    tick: Option<u64>,
}

impl Birth {
    /// Its lane, from 0.
    pub fn lane(&self) -> usize {
        self.lane
    }
}

impl Spawner {
    /// Get ready for so many children on their way at once.
    pub fn new(lanes: usize) -> Result<Self, SysError> {
        // Asked now, before anything is changed.
        crate::signal::ignored();
        let lane = || {
            Ok(Lane {
                stack: clone::Stack::new()?,
                way: Way::default(),
                flight: None,
                lent: 0,
            })
        };
        Ok(Self {
            lanes: (0..lanes).map(|_| lane()).collect::<Result<_, _>>()?,
            clone3_into: true,
            clock: Clock::default(),
        })
    }

    /// Start a program and give its process. Returns when the program runs, or could not be run. A lane must be free.
    pub fn spawn(
        &mut self,
        slots: Option<&Slots>,
        spawn: &Spawn<'_>,
    ) -> Result<ProcessRef, SpawnError> {
        let birth = self.begin(slots, spawn)?;
        self.finish(slots, birth)
    }

    /// The lane that the next child will have; `None` if all are taken.
    pub fn free_lane(&self) -> Option<usize> {
        self.lanes.iter().position(|lane| lane.flight.is_none())
    }

    /// Whether a child runs its program, or has ended: to finish it takes no time.
    pub fn is_through(&self, birth: &Birth) -> bool {
        self.lanes[birth.lane].way.is_through()
    }

    /// Wait until one of the children that are on their way is through.
    pub fn wait_any(&self) {
        let taken = self.lanes.iter().filter(|lane| lane.flight.is_some());
        let ways: Vec<&Way> = taken.map(|lane| &lane.way).collect();
        way::wait_any(&ways);
    }

    /// Begin to start a program. What it is given may be closed once it is finished.
    ///
    /// With `slots` the child shares the descriptor table until it has what it needs of it, so that
    /// the cost does not depend on how much is open. Only a program that took its slots may do that.
    pub fn begin(&mut self, slots: Option<&Slots>, spawn: &Spawn<'_>) -> Result<Birth, SpawnError> {
        let Some(lane) = self.free_lane() else {
            return Err(SpawnError::new(Stage::Fork, libc::EAGAIN, String::new()));
        };
        let stdio = [spawn.stdio.input, spawn.stdio.output, spawn.stdio.error];
        let given: Vec<BorrowedFd<'_>> = stdio
            .into_iter()
            .chain(spawn.passed.iter().map(|passed| passed.fd))
            .collect();
        // What does not fit into the slots needs a table of its own from the beginning.
        let slots = slots.filter(|_| given.len() <= Slots::ROOM);
        let mut fds: Vec<i32> = given.iter().map(AsRawFd::as_raw_fd).collect();
        if slots.is_some() {
            self.lanes[lane].lent = given.len();
            for (place, (fd, lent)) in given.iter().zip(&mut fds).enumerate() {
                *lent =
                    Slots::lend(lane, place, *fd).map_err(|error| SpawnError::streams(&error))?;
            }
        }
        let flight = Flight::new(slots.map(Slots::end), &fds, spawn);
        let born = self.bear(lane, slots.is_some(), spawn, flight);
        if born.is_err()
            && let Some(slots) = slots
        {
            self.lanes[lane].clear(lane, slots);
        }
        born.map(|(pid, tick)| Birth { lane, pid, tick })
    }

    /// Wait until a program runs, and give its process, or say why it could not be run. A process that was waited for
    /// meanwhile may have 0 as its start.
    #[expect(clippy::needless_pass_by_value, reason = "a birth is finished once")]
    pub fn finish(
        &mut self,
        slots: Option<&Slots>,
        birth: Birth,
    ) -> Result<ProcessRef, SpawnError> {
        let Birth {
            lane: number,
            pid,
            tick,
        } = birth;
        let lane = &mut self.lanes[number];
        lane.way.wait();
        if let Some(slots) = slots {
            lane.clear(number, slots);
        }
        let flight = lane.flight.take();
        let failed = flight.and_then(|flight| Some((flight.failed()?, flight)));
        let Some(((stage, errno), flight)) = failed else {
            let start_time = self.clock.start_time(pid, tick);
            return Ok(ProcessRef { pid, start_time });
        };
        // It has ended, or is about to: it has nothing more to do than that.
        let _ = crate::wait::wait_for(pid);
        Err(flight.describe(stage, errno))
    }

    /// Make the child; give its pid, and when it was born if the clock tells.
    fn bear(
        &mut self,
        lane: usize,
        shared: bool,
        spawn: &Spawn<'_>,
        mut flight: Box<Flight>,
    ) -> Result<(u32, Option<u64>), SpawnError> {
        let lane = &mut self.lanes[lane];
        let blocked = crate::signal::block_all();
        let cgroup = spawn.cgroup.map(|fd| fd.as_raw_fd());
        let mut born = Err(libc::ENOSYS);
        let moment = Moment::begin();
        // A machine whose calls cannot be made without the library must not go on beside its child.
        if self.clone3_into && crate::raw::BARE {
            let way = lane.way.begin();
            born = clone::clone3(&lane.stack, shared, cgroup, flight.plan(), way);
            // No such call here, or a sandbox forbids it; the old one will do from now on.
            self.clone3_into = match born {
                Err(libc::ENOSYS) => false,
                // Forbidden may be no more than the namespace.
                Err(libc::EPERM) => flight.own_user_namespace(),
                _ => true,
            };
            if born.is_err() {
                lane.way.never_mind();
            }
        }
        if !(self.clone3_into && crate::raw::BARE) {
            let procs = cgroup.map(open_procs).transpose()?;
            flight.join_cgroup(procs.as_ref().map_or(-1, AsRawFd::as_raw_fd));
            born = clone::clone(&lane.stack, shared, flight.plan());
        }
        let tick = moment.end();
        drop(blocked);
        let pid = born.map_err(|errno| match errno {
            libc::EPERM | libc::ENOSPC | libc::EUSERS | libc::EINVAL
                if flight.own_user_namespace() =>
            {
                flight.describe(Stage::Namespaces, errno)
            }
            _ => SpawnError::new(Stage::Fork, errno, String::new()),
        })?;
        lane.flight = Some(flight);
        Ok((pid, tick))
    }
}

impl Drop for Spawner {
    fn drop(&mut self) {
        for lane in &self.lanes {
            lane.way.wait();
        }
    }
}

impl Lane {
    fn clear(&mut self, number: usize, slots: &Slots) {
        slots.clear(number, std::mem::take(&mut self.lent));
    }
}

fn open_procs(group: i32) -> Result<std::fs::File, SpawnError> {
    std::fs::OpenOptions::new()
        .write(true)
        .open(format!("/proc/self/fd/{group}/cgroup.procs"))
        .map_err(|error| {
            SpawnError::new(
                Stage::Cgroup,
                error.raw_os_error().unwrap_or(libc::EIO),
                String::new(),
            )
        })
}

#[cfg(test)]
mod tests;
