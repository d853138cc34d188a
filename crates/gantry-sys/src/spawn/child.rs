//! What the child does between clone and exec.
//!
//! It runs in its parent's memory, and its parent goes on. So it only makes system calls, by no library
//! ([`raw`](crate::raw)), never allocates, never panics, and writes to nothing but the word that it
//! leaves and what was prepared for it to write to.

use std::cell::Cell;
use std::ffi::{CStr, CString, c_long, c_void};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Witness;
use super::confine::Confinement;
use super::stage::Stage;
use crate::raw::raw;
use crate::signal::{Disposition, SIGNAL_SET};
use crate::user::Credentials;

/// Everything that the child needs, prepared. It owns what it points to, since its parent goes on meanwhile.
pub(super) struct Plan {
    /// If it shares its parent's descriptor table: the first descriptor that it does not take along into its own.
    pub(super) leaves_table_at: Option<i32>,
    /// An open `cgroup.procs` to write ourselves to, or -1.
    pub(super) join_cgroup: i32,
    /// More such files.
    pub(super) join: Vec<i32>,
    pub(super) stdio: [i32; 3],
    /// Whether the first of them is to control the session.
    pub(super) terminal: bool,
    /// In the order of their new numbers.
    pub(super) passed: Vec<Move>,
    /// Where it writes its pid in digits: [`PID_ROOM`] zeros each, of which the last stays.
    pub(super) own_pid: Vec<*mut u8>,
    pub(super) ignored: &'static [i32],
    pub(super) limits: Vec<(u32, u64, u64)>,
    pub(super) oom_score: Option<CString>,
    pub(super) nice: Option<i32>,
    /// Policy and priority.
    pub(super) scheduling: Option<(i32, u32)>,
    pub(super) credentials: Option<Credentials>,
    pub(super) confinement: Option<Confinement>,
    pub(super) cwd: CString,
    pub(super) umask: Option<u32>,
    /// These three end with a null pointer.
    pub(super) programs: Vec<*const libc::c_char>,
    pub(super) argv: Vec<*const libc::c_char>,
    pub(super) envp: Vec<*const libc::c_char>,
    /// The word that it leaves: which step failed and why ([`Stage::pack`]); 0 as long as none has.
    pub(super) failed: AtomicU64,
    pub(super) witness: Option<Witness>,
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

    /// Its new number.
    pub(super) fn to(&self) -> i32 {
        self.to
    }
}

/// Ten digits and a NUL.
pub(super) const PID_ROOM: usize = 11;

impl Plan {
    /// Whether it is born into a user namespace of its own.
    pub(super) fn own_user_namespace(&self) -> bool {
        self.confinement
            .as_ref()
            .is_some_and(Confinement::own_user_namespace)
    }
}

/// The child's first function. It does not return unless it failed.
pub(super) extern "C" fn child(plan: *mut c_void) -> i32 {
    let plan: *const Plan = plan.cast_const().cast();
    // SAFETY: `plan` is the parent's, which keeps it as it is until this child has run a program or ended.
    let plan = unsafe { &*plan };
    // SAFETY: this is such a child.
    let (stage, errno) = unsafe { run(plan) };
    let word = stage.pack(errno);
    if let Some(witness) = &plan.witness {
        witness.failed().store(word, Ordering::SeqCst);
    }
    plan.failed.store(word, Ordering::SeqCst);
    127
}

pub(super) fn check(stage: Stage, result: c_long) -> Result<c_long, (Stage, i32)> {
    if result < 0 {
        Err((stage, i32::try_from(-result).unwrap_or(libc::EINVAL)))
    } else {
        Ok(result)
    }
}

/// Do it all; give what failed.
///
/// # Safety
///
/// Must be called in a child that shares its parent's memory, while the parent keeps the plan.
unsafe fn run(plan: &Plan) -> (Stage, i32) {
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
        let result = unsafe {
            raw!(
                libc::SYS_execve,
                *program,
                plan.argv.as_ptr(),
                plan.envp.as_ptr()
            )
        };
        let Err((_, errno)) = check(Stage::Exec, result) else {
            break;
        };
        match errno {
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
unsafe fn prepare(plan: &Plan) -> Result<(), (Stage, i32)> {
    // SAFETY: system calls that take numbers, or pointers to what the plan holds. Descriptors that are
    // closed or replaced are the child's own, since its table is by then.
    unsafe {
        for procs in plan.join.iter().chain([&plan.join_cgroup]) {
            if *procs >= 0 {
                let written = raw!(libc::SYS_write, *procs, c"0".as_ptr(), 1);
                check(Stage::Cgroup, written)?;
            }
        }
        if let Some(end) = plan.leaves_table_at {
            let unshared = raw!(
                libc::SYS_close_range,
                end,
                libc::c_uint::MAX,
                libc::CLOSE_RANGE_UNSHARE,
            );
            check(Stage::Descriptors, unshared)?;
        }
        for (to, from) in (0..).zip(plan.stdio) {
            duplicate(Stage::Streams, from, to)?;
        }
        let above = plan
            .passed
            .iter()
            .fold(0, |most, passed| passed.to.max(most));
        for passed in &plan.passed {
            let above = above.saturating_add(1);
            let free = raw!(
                libc::SYS_fcntl,
                passed.from.get(),
                libc::F_DUPFD_CLOEXEC,
                above
            );
            let free = check(Stage::Passing, free)?;
            passed.from.set(i32::try_from(free).unwrap_or(-1));
        }
        for passed in &plan.passed {
            duplicate(Stage::Passing, passed.from.get(), passed.to)?;
        }
        // What somebody opened without care does not go to the program either; and what is opened below must not get a
        // number above the program's limit.
        let mut first = 3;
        for passed in &plan.passed {
            close_all(first, passed.to.cast_unsigned().saturating_sub(1))?;
            first = passed.to.cast_unsigned().saturating_add(1);
        }
        close_all(first, libc::c_uint::MAX)?;
        let pid = u32::try_from(raw!(libc::SYS_getpid)).unwrap_or(0);
        for place in &plan.own_pid {
            write_number(*place, pid);
        }
        check(Stage::Session, raw!(libc::SYS_setsid))?;
        if plan.terminal {
            check(
                Stage::Terminal,
                raw!(libc::SYS_ioctl, 0, libc::TIOCSCTTY, 0),
            )?;
        }
        for signal in plan.ignored {
            let default: Disposition = [0; 4];
            let set = raw!(
                libc::SYS_rt_sigaction,
                *signal,
                &raw const default,
                ptr::null_mut::<Disposition>(),
                SIGNAL_SET,
            );
            check(Stage::Signals, set)?;
        }
        if let Some(score) = &plan.oom_score {
            let path = c"/proc/self/oom_score_adj";
            write_file(Stage::OomScore, path, score.to_bytes())?;
        }
        for (resource, soft, hard) in &plan.limits {
            let limit = [*soft, *hard];
            let set = raw!(
                libc::SYS_prlimit64,
                0,
                *resource,
                limit.as_ptr(),
                ptr::null_mut::<u64>(),
            );
            check(Stage::Limits, set)?;
        }
        if let Some(nice) = plan.nice {
            // The value of PRIO_PROCESS.
            check(Stage::Nice, raw!(libc::SYS_setpriority, 0, 0, nice))?;
        }
        if let Some((policy, priority)) = plan.scheduling {
            let set = raw!(libc::SYS_sched_setscheduler, 0, policy, &raw const priority);
            check(Stage::Scheduling, set)?;
        }
        if let Some(confinement) = &plan.confinement {
            confinement.before_user()?;
        }
        if let Some(wanted) = &plan.credentials {
            let (uid, gid) = (wanted.uid, wanted.gid);
            let groups = &wanted.groups;
            let set = raw!(libc::SYS_setgroups, groups.len(), groups.as_ptr());
            check(Stage::Group, set)?;
            check(Stage::Group, raw!(libc::SYS_setresgid, gid, gid, gid))?;
            check(Stage::User, raw!(libc::SYS_setresuid, uid, uid, uid))?;
        }
        if let Some(confinement) = &plan.confinement {
            confinement.after_user()?;
        }
        check(
            Stage::WorkingFolder,
            raw!(libc::SYS_chdir, plan.cwd.as_ptr()),
        )?;
        if let Some(mask) = plan.umask {
            raw!(libc::SYS_umask, mask);
        }
        let none = 0_u64;
        let set = raw!(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const none,
            ptr::null_mut::<u64>(),
            SIGNAL_SET,
        );
        check(Stage::Signals, set)?;
        Ok(())
    }
}

/// Close these descriptors, both included.
///
/// # Safety
///
/// As for [`run`].
unsafe fn close_all(first: u32, last: u32) -> Result<(), (Stage, i32)> {
    if first <= last {
        // SAFETY: only numbers, of a table that is the child's own.
        let closed = unsafe { raw!(libc::SYS_close_range, first, last, 0) };
        check(Stage::Descriptors, closed)?;
    }
    Ok(())
}

/// Let a descriptor be open under this number too, for the program as well. One that has the number already stays.
///
/// # Safety
///
/// As for [`run`].
unsafe fn duplicate(stage: Stage, from: i32, to: i32) -> Result<(), (Stage, i32)> {
    if from != to {
        // SAFETY: only numbers, of a table that is the child's own.
        check(stage, unsafe { raw!(libc::SYS_dup3, from, to, 0) })?;
    }
    Ok(())
}

/// Write to a file of the kernel's.
///
/// # Safety
///
/// As for [`run`].
pub(super) unsafe fn write_file(
    stage: Stage,
    path: &CStr,
    text: &[u8],
) -> Result<(), (Stage, i32)> {
    let flags = libc::O_WRONLY | libc::O_CLOEXEC;
    // SAFETY: the path ends in NUL, the text is as long as is said.
    unsafe {
        let file = raw!(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), flags);
        let file = check(stage, file)?.cast_unsigned();
        let written = raw!(libc::SYS_write, file, text.as_ptr(), text.len());
        raw!(libc::SYS_close, file);
        check(stage, written)?;
    }
    Ok(())
}
