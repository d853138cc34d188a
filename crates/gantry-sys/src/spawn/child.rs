//! What the child does between clone and exec.
//!
//! It runs in its parent's memory. So it only makes system calls (by the raw call where the library
//! would do more, as for users, which it sets in all threads), never allocates, never panics, and
//! writes to nothing but the word that it leaves and what was prepared for it to write to.

use std::cell::Cell;
use std::ffi::{CStr, c_void};
use std::ptr;
use std::sync::atomic::Ordering;

use super::confine::Confinement;
use super::stage::Stage;
use crate::signal::{Disposition, SIGNAL_SET};
use crate::slots::FIRST_FREE;
use crate::user::Credentials;

/// Everything that the child needs, prepared.
pub(super) struct Plan<'a> {
    pub(super) shared_files: bool,
    /// An open `cgroup.procs` to write ourselves to, or -1.
    pub(super) join_cgroup: i32,
    /// More such files.
    pub(super) join: &'a [i32],
    pub(super) stdio: [i32; 3],
    /// Whether the first of them is to control the session.
    pub(super) terminal: bool,
    pub(super) passed: &'a [Move],
    /// Where it writes its pid in digits: [`PID_ROOM`] zeros each, of which the last stays.
    pub(super) own_pid: &'a [*mut u8],
    pub(super) ignored: &'a [i32],
    pub(super) limits: &'a [(u32, u64, u64)],
    pub(super) oom_score: Option<&'a CStr>,
    pub(super) nice: Option<i32>,
    /// Policy and priority.
    pub(super) scheduling: Option<(i32, u32)>,
    pub(super) credentials: Option<&'a Credentials>,
    pub(super) confinement: Option<&'a Confinement<'a>>,
    pub(super) cwd: &'a CStr,
    pub(super) umask: Option<u32>,
    /// These three end with a null pointer.
    pub(super) programs: &'a [*const libc::c_char],
    pub(super) argv: &'a [*const libc::c_char],
    pub(super) envp: &'a [*const libc::c_char],
    pub(super) failed: Failed,
    pub(super) witness: Option<super::Witness<'a>>,
}

/// A descriptor that gets another number.
pub(super) struct Move {
    /// On the way the child changes it: it is first taken to where no other target is.
    from: Cell<i32>,
    to: i32,
}

impl Move {
    pub(super) fn new(from: i32, to: i32) -> Self {
        let from = Cell::new(from);
        Self { from, to }
    }
}

/// Ten digits and a NUL.
pub(super) const PID_ROOM: usize = 11;

impl Plan<'_> {
    /// Whether it is born into a user namespace of its own.
    pub(super) fn own_user_namespace(&self) -> bool {
        self.confinement
            .is_some_and(Confinement::own_user_namespace)
    }
}

/// The word that the child leaves.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Failed {
    pub(super) stage: Option<Stage>,
    pub(super) errno: i32,
}

/// The child's first function. It does not return unless it failed.
pub(super) extern "C" fn child(plan: *mut c_void) -> i32 {
    let plan: *mut Plan<'_> = plan.cast();
    // SAFETY: `plan` is the parent's, valid and used by nobody else: the parent's thread sleeps.
    let (stage, errno) = unsafe { run(&*plan) };
    // SAFETY: as above.
    if let Some(witness) = unsafe { (*plan).witness } {
        witness.failed.store(stage.pack(errno), Ordering::SeqCst);
    }
    // SAFETY: as above. Volatile, since as far as the compiler sees nobody reads it.
    unsafe {
        ptr::write_volatile(
            &raw mut (*plan).failed,
            Failed {
                stage: Some(stage),
                errno,
            },
        );
    }
    127
}

pub(super) fn errno() -> i32 {
    // SAFETY: the address of this thread's errno, which is the sleeping parent's.
    unsafe { *libc::__errno_location() }
}

pub(super) fn check(stage: Stage, result: libc::c_long) -> Result<(), (Stage, i32)> {
    if result < 0 {
        Err((stage, errno()))
    } else {
        Ok(())
    }
}

/// Do it all; give what failed.
///
/// # Safety
///
/// Must be called in a child that shares its parent's memory while the parent's thread sleeps.
unsafe fn run(plan: &Plan<'_>) -> (Stage, i32) {
    // SAFETY: as the caller says.
    let prepared = unsafe { prepare(plan) };
    if let Err(failed) = prepared {
        return failed;
    }
    // The most telling of the errors: one that exists but may not be run, else the last.
    let mut why = libc::ENOENT;
    for program in plan
        .programs
        .iter()
        .take_while(|program| !program.is_null())
    {
        // SAFETY: all three are NUL-terminated strings, and lists that end with null.
        unsafe { libc::execve(*program, plan.argv.as_ptr(), plan.envp.as_ptr()) };
        match errno() {
            libc::ENOENT | libc::ENOTDIR => {}
            libc::EACCES => why = libc::EACCES,
            other => return (Stage::Exec, other),
        }
    }
    (Stage::Exec, why)
}

/// Write a number in digits.
///
/// # Safety
///
/// `place` must be writable for ten bytes.
unsafe fn write_number(place: *mut u8, number: u32) {
    let mut length = 1;
    let mut rest = number / 10;
    while rest > 0 {
        length += 1;
        rest /= 10;
    }
    rest = number;
    while length > 0 {
        length -= 1;
        let digit = b"0123456789"[(rest % 10) as usize];
        // SAFETY: a number of 32 bits has at most ten digits.
        unsafe { place.wrapping_add(length).write(digit) };
        rest /= 10;
    }
}

/// # Safety
///
/// As for [`run`].
unsafe fn prepare(plan: &Plan<'_>) -> Result<(), (Stage, i32)> {
    // SAFETY: system calls that take numbers, or pointers to what the plan holds. Descriptors that are
    // closed or replaced are the child's own, since its table is by then.
    unsafe {
        for procs in plan.join.iter().chain([&plan.join_cgroup]) {
            if *procs >= 0 {
                let written = libc::write(*procs, c"0".as_ptr().cast(), 1);
                check(Stage::Cgroup, written as libc::c_long)?;
            }
        }
        if plan.shared_files {
            let unshared = libc::syscall(
                libc::SYS_close_range,
                FIRST_FREE,
                libc::c_uint::MAX,
                libc::CLOSE_RANGE_UNSHARE,
            );
            check(Stage::Descriptors, unshared)?;
        }
        for (to, from) in (0..).zip(plan.stdio) {
            check(Stage::Streams, libc::dup2(from, to).into())?;
        }
        let above = plan
            .passed
            .iter()
            .fold(0, |most, passed| passed.to.max(most));
        for passed in plan.passed {
            let from = passed.from.get();
            let free = libc::fcntl(from, libc::F_DUPFD_CLOEXEC, above.saturating_add(1));
            check(Stage::Passing, free.into())?;
            passed.from.set(free);
        }
        // What somebody opened without care does not go to the program either.
        let closed = libc::syscall(
            libc::SYS_close_range,
            3,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        );
        check(Stage::Descriptors, closed)?;
        for passed in plan.passed {
            let moved = libc::dup2(passed.from.get(), passed.to);
            check(Stage::Passing, moved.into())?;
        }
        let pid = libc::getpid().unsigned_abs();
        for place in plan.own_pid {
            write_number(*place, pid);
        }
        check(Stage::Session, libc::setsid().into())?;
        if plan.terminal {
            let taken = libc::syscall(libc::SYS_ioctl, 0, libc::TIOCSCTTY, 0);
            check(Stage::Terminal, taken)?;
        }
        for signal in plan.ignored {
            let default: Disposition = [0; 4];
            let set = libc::syscall(
                libc::SYS_rt_sigaction,
                *signal,
                &raw const default,
                ptr::null_mut::<Disposition>(),
                SIGNAL_SET,
            );
            check(Stage::Signals, set)?;
        }
        for (resource, soft, hard) in plan.limits {
            let limit = libc::rlimit {
                rlim_cur: *soft,
                rlim_max: *hard,
            };
            let set = libc::syscall(
                libc::SYS_prlimit64,
                0,
                *resource,
                &raw const limit,
                ptr::null_mut::<libc::rlimit>(),
            );
            check(Stage::Limits, set)?;
        }
        if let Some(score) = plan.oom_score {
            let file = libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY);
            check(Stage::OomScore, file.into())?;
            let written = libc::write(file, score.as_ptr().cast(), score.count_bytes());
            let written = check(Stage::OomScore, written as libc::c_long);
            libc::close(file);
            written?;
        }
        if let Some(nice) = plan.nice {
            let set = libc::syscall(libc::SYS_setpriority, libc::PRIO_PROCESS, 0, nice);
            check(Stage::Nice, set)?;
        }
        if let Some((policy, priority)) = plan.scheduling {
            let set = libc::syscall(libc::SYS_sched_setscheduler, 0, policy, &raw const priority);
            check(Stage::Scheduling, set)?;
        }
        if let Some(confinement) = plan.confinement {
            confinement.before_user()?;
        }
        if let Some(wanted) = plan.credentials {
            let (uid, gid) = (wanted.uid, wanted.gid);
            let groups = &wanted.groups;
            let set = libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr());
            check(Stage::Group, set)?;
            check(
                Stage::Group,
                libc::syscall(libc::SYS_setresgid, gid, gid, gid),
            )?;
            check(
                Stage::User,
                libc::syscall(libc::SYS_setresuid, uid, uid, uid),
            )?;
        }
        if let Some(confinement) = plan.confinement {
            confinement.after_user()?;
        }
        check(Stage::WorkingFolder, libc::chdir(plan.cwd.as_ptr()).into())?;
        if let Some(mask) = plan.umask {
            libc::umask(mask);
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        let set = libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
        check(Stage::Signals, set.into())
    }
}
