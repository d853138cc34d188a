//! What a child reads on its way, and what is said if it does not get there.

use std::ffi::{CStr, CString, c_char};
use std::ops::Deref;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::child::{self, Plan};
use super::confine::Confinement;
use super::stage::Circumstances;
use super::{Spawn, SpawnError, Stage};

/// A plan and the texts that it points to. They keep their places in memory as long as it lives.
pub(super) struct Flight {
    plan: Plan,
    programs: Vec<CString>,
    argv: Vec<CString>,
    _env: Vec<Arc<CStr>>,
    _own_pid: Vec<OwnPid>,
    told: Circumstances,
}

impl std::fmt::Debug for Flight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flight")
            .field("argv", &self.argv)
            .finish_non_exhaustive()
    }
}

impl Flight {
    /// `fds` are the standard streams and then what is passed, as the child finds them.
    pub(super) fn new(leaves_table_at: Option<i32>, fds: &[i32], spawn: &Spawn<'_>) -> Box<Self> {
        let (stdio, passed) = fds.split_at(3);
        let stdio = [stdio[0], stdio[1], stdio[2]];
        let mut passed: Vec<child::Move> = passed
            .iter()
            .zip(spawn.passed)
            .map(|(from, passed)| child::Move::new(*from, passed.number))
            .collect();
        passed.sort_by_key(child::Move::to);
        let programs = spawn.programs.to_vec();
        let argv = spawn.argv.to_vec();
        let env = spawn.env.to_vec();
        let mut own_pid: Vec<OwnPid> = spawn.own_pid.iter().map(|name| OwnPid::new(name)).collect();
        let places: Vec<*mut u8> = own_pid.iter_mut().map(OwnPid::place).collect();
        let mut envp = pointers(&env);
        // Before the null at the end.
        let own = envp.len() - 1;
        envp.splice(own..own, own_pid.iter_mut().map(OwnPid::text));
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
        let plan = Plan {
            leaves_table_at,
            join_cgroup: -1,
            join: spawn
                .join
                .iter()
                .map(std::os::fd::AsRawFd::as_raw_fd)
                .collect(),
            stdio,
            terminal: spawn.terminal,
            passed,
            own_pid: places,
            ignored: crate::signal::ignored(),
            limits,
            oom_score: spawn
                .oom_score
                .and_then(|score| CString::new(score.to_string()).ok()),
            nice: spawn.nice,
            scheduling: spawn
                .scheduling
                .map(|scheduling| (scheduling.policy.number(), scheduling.priority)),
            confinement: spawn
                .sandbox
                .map(|sandbox| Confinement::new(sandbox.clone(), credentials)),
            credentials: credentials.cloned(),
            cwd: spawn.cwd.to_owned(),
            umask: spawn.umask,
            programs: pointers(&programs),
            argv: pointers(&argv),
            envp,
            failed: AtomicU64::new(0),
            witness: spawn.witness,
        };
        Box::new(Self {
            plan,
            programs,
            argv,
            _env: env,
            _own_pid: own_pid,
            told: Circumstances::of(spawn),
        })
    }

    /// Where the child finds it.
    pub(super) fn plan(&mut self) -> *mut Plan {
        &raw mut self.plan
    }

    /// It is to join the control group of this open `cgroup.procs` by itself.
    pub(super) fn join_cgroup(&mut self, procs: i32) {
        self.plan.join_cgroup = procs;
    }

    /// Whether it is born into a user namespace of its own.
    pub(super) fn own_user_namespace(&self) -> bool {
        self.plan.own_user_namespace()
    }

    /// Which step failed, and why. To be asked when the child is through.
    pub(super) fn failed(&self) -> Option<(Stage, i32)> {
        Stage::unpack(self.plan.failed.load(Ordering::SeqCst))
    }

    /// The same in words.
    pub(super) fn describe(&self, stage: Stage, errno: i32) -> SpawnError {
        self.told
            .describe(stage, errno, &self.plan, &self.argv, &self.programs)
    }
}

/// A list that ends with null.
fn pointers<T: Deref<Target = CStr>>(texts: &[T]) -> Vec<*const c_char> {
    let texts = texts.iter().map(|text| text.as_ptr());
    texts.chain([ptr::null()]).collect()
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
    fn text(&mut self) -> *const c_char {
        self.bytes.as_mut_ptr().cast_const().cast()
    }

    /// Where the digits go.
    fn place(&mut self) -> *mut u8 {
        self.bytes.as_mut_ptr().wrapping_add(self.name)
    }
}
