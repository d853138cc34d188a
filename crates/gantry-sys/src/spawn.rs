//! Starting a program.
//!
//! The child shares the memory of this process until it runs its program (and this thread waits), so
//! that neither memory nor descriptor table is copied, and so that the child can leave word in memory
//! of the step that failed and why. What it does in between is in `child`.

mod child;
mod clone;
mod confine;
mod environment;
mod stage;

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;
use std::sync::atomic::AtomicU64;

use confine::Confinement;
pub use environment::{Environment, candidates};
pub use stage::{SpawnError, Stage};

use crate::error::SysError;
use crate::limits::RLimit;
use crate::sandbox::Sandbox;
use crate::scheduling::Scheduling;
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
    pub env: &'a [&'a CStr],
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
    pub witness: Option<Witness<'a>>,
}

/// Words of [shared memory](crate::SharedWords), both 0 before, for those who come after us.
#[derive(Debug, Clone, Copy)]
pub struct Witness<'a> {
    /// The kernel puts the child's pid here before the child runs.
    pub pid: &'a AtomicU64,
    /// The child puts here which step failed ([`Stage::unpack`]).
    pub failed: &'a AtomicU64,
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

/// Starts programs, one at a time.
#[derive(Debug)]
pub struct Spawner {
    stack: clone::Stack,
    clone3_into: bool,
}

impl Spawner {
    /// Get ready.
    pub fn new() -> Result<Self, SysError> {
        // Asked now, before anything is changed.
        crate::signal::ignored();
        Ok(Self {
            stack: clone::Stack::new()?,
            clone3_into: true,
        })
    }

    /// Start a program and give its pid. Returns when the program runs, or could not be run.
    ///
    /// With `slots` the child shares the descriptor table until it has what it needs of it, so that
    /// the cost does not depend on how much is open. Only a program that took its slots may do that.
    pub fn spawn(&mut self, slots: Option<&Slots>, spawn: &Spawn<'_>) -> Result<u32, SpawnError> {
        let stdio = [spawn.stdio.input, spawn.stdio.output, spawn.stdio.error];
        let given: Vec<BorrowedFd<'_>> = stdio
            .into_iter()
            .chain(spawn.passed.iter().map(|passed| passed.fd))
            .collect();
        // What does not fit into the slots needs a table of its own from the beginning.
        let slots = slots.filter(|_| given.len() <= Slots::ROOM);
        let mut fds: Vec<i32> = given.iter().map(AsRawFd::as_raw_fd).collect();
        if slots.is_some() {
            for (place, (fd, lent)) in (0..).zip(given.iter().zip(&mut fds)) {
                *lent = Slots::lend(place, *fd).map_err(|error| SpawnError::streams(&error))?;
            }
        }
        let result = self.spawn_with(slots.is_some(), &fds, spawn);
        if let Some(slots) = slots {
            slots.clear(given.len());
        }
        result
    }

    fn spawn_with(
        &mut self,
        shared: bool,
        fds: &[i32],
        spawn: &Spawn<'_>,
    ) -> Result<u32, SpawnError> {
        let (stdio, passed) = fds.split_at(3);
        let stdio = [stdio[0], stdio[1], stdio[2]];
        let passed: Vec<child::Move> = passed
            .iter()
            .zip(spawn.passed)
            .map(|(from, passed)| child::Move::new(*from, passed.number))
            .collect();
        let pointers = |strings: &mut dyn Iterator<Item = *const libc::c_char>| {
            strings.chain([ptr::null()]).collect::<Vec<_>>()
        };
        let programs = pointers(&mut spawn.programs.iter().map(|text| text.as_ptr()));
        let argv = pointers(&mut spawn.argv.iter().map(|text| text.as_ptr()));
        let mut own_pid: Vec<OwnPid> = spawn.own_pid.iter().map(|name| OwnPid::new(name)).collect();
        let places: Vec<*mut u8> = own_pid.iter_mut().map(OwnPid::place).collect();
        let variables = spawn.env.iter().map(|text| text.as_ptr());
        let envp = pointers(&mut variables.chain(own_pid.iter_mut().map(OwnPid::text)));
        let oom_score = spawn
            .oom_score
            .and_then(|score| CString::new(score.to_string()).ok());
        let credentials = spawn.credentials.filter(|wanted| !wanted.is_ours());
        let mut limits: Vec<(u32, u64, u64)> = Vec::with_capacity(4);
        if let Some((soft, hard)) = spawn.open_files {
            limits.push((libc::RLIMIT_NOFILE, soft, hard));
        }
        limits.extend(
            spawn
                .limits
                .iter()
                .map(|limit| (limit.resource(), limit.value(), limit.value())),
        );
        let join: Vec<i32> = spawn.join.iter().map(AsRawFd::as_raw_fd).collect();
        let confinement = spawn
            .sandbox
            .map(|sandbox| Confinement::new(sandbox, credentials));
        let mut plan = child::Plan {
            shared_files: shared,
            join_cgroup: -1,
            join: &join,
            stdio,
            terminal: spawn.terminal,
            passed: &passed,
            own_pid: &places,
            ignored: crate::signal::ignored(),
            limits: &limits,
            oom_score: oom_score.as_deref(),
            nice: spawn.nice,
            scheduling: spawn
                .scheduling
                .map(|scheduling| (scheduling.policy.number(), scheduling.priority)),
            credentials,
            confinement: confinement.as_ref(),
            cwd: spawn.cwd,
            umask: spawn.umask,
            programs: &programs,
            argv: &argv,
            envp: &envp,
            failed: child::Failed::default(),
            witness: spawn.witness,
        };
        let blocked = crate::signal::block_all();
        let cgroup = spawn.cgroup.map(|fd| fd.as_raw_fd());
        let mut born = Err(libc::ENOSYS);
        if self.clone3_into {
            born = clone::clone3(&self.stack, shared, cgroup, &mut plan);
            // No such call here, or a sandbox forbids it; the old one will do from now on.
            self.clone3_into = match born {
                Err(libc::ENOSYS) => false,
                // Forbidden may be no more than the namespace.
                Err(libc::EPERM) => plan.own_user_namespace(),
                _ => true,
            };
        }
        if !self.clone3_into {
            let procs = cgroup.map(open_procs).transpose()?;
            plan.join_cgroup = procs.as_ref().map_or(-1, AsRawFd::as_raw_fd);
            born = clone::clone(&self.stack, shared, &mut plan);
        }
        drop(blocked);
        let pid = born.map_err(|errno| match errno {
            libc::EPERM | libc::ENOSPC | libc::EUSERS | libc::EINVAL
                if plan.own_user_namespace() =>
            {
                SpawnError::describe(Stage::Namespaces, errno, spawn)
            }
            _ => SpawnError::new(Stage::Fork, errno, String::new()),
        })?;
        let failed = plan.failed;
        match failed.stage {
            None => Ok(pid),
            Some(stage) => {
                // It has ended, or is about to: it has nothing more to do than that.
                let _ = crate::wait::wait_for(pid);
                Err(SpawnError::describe(stage, failed.errno, spawn))
            }
        }
    }
}

/// A variable whose value the child writes.
struct OwnPid {
    bytes: Vec<u8>,
    name: usize,
}

impl OwnPid {
    fn new(name: &str) -> Self {
        let mut bytes = format!("{name}=").into_bytes();
        let name = bytes.len();
        bytes.resize(name + child::PID_ROOM, 0);
        Self { bytes, name }
    }

    /// The whole variable, which ends in NUL whatever the child writes.
    fn text(&mut self) -> *const libc::c_char {
        self.bytes.as_mut_ptr().cast_const().cast()
    }

    /// Where the digits go.
    fn place(&mut self) -> *mut u8 {
        self.bytes.as_mut_ptr().wrapping_add(self.name)
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
