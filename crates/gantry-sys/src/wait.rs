//! Children that ended.

use std::io;

use crate::error::SysError;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It returned this code.
    Code(i32),
    /// This signal ended it.
    Signal {
        /// Its number.
        signal: i32,
        /// Whether a core was written.
        core: bool,
    },
}

/// A child that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChildExit {
    /// Which.
    pub pid: u32,
    /// How.
    pub ended: Ended,
}

/// A child of this process that ended and was not waited for, if there is one. It is only looked at:
/// it stays, and its pid with it, until [`reap`], so that its status can be written down first.
pub fn wait_any() -> Result<Option<ChildExit>, SysError> {
    wait(libc::P_ALL, 0, libc::WNOWAIT | libc::WNOHANG)
}

/// How this child ended, if it has. It stays.
pub fn has_ended(pid: u32) -> Result<Option<ChildExit>, SysError> {
    wait(libc::P_PID, pid, libc::WNOWAIT | libc::WNOHANG)
}

/// Wait for this child to end, and take it away.
pub fn wait_for(pid: u32) -> Result<Option<ChildExit>, SysError> {
    wait(libc::P_PID, pid, 0)
}

/// Take a child that ended away. Its pid may be used by another process from now on.
pub fn reap(pid: u32) {
    // That it is not there (any more) is what was wanted.
    let _ = wait(libc::P_PID, pid, libc::WNOHANG);
}

fn wait(kind: libc::idtype_t, pid: u32, options: i32) -> Result<Option<ChildExit>, SysError> {
    // SAFETY: zero is a valid siginfo_t.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: `info` is a valid place for the answer; the other arguments are numbers.
        let done = unsafe { libc::waitid(kind, pid, &raw mut info, libc::WEXITED | options) };
        if done == 0 {
            break;
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EINTR) => {}
            Some(libc::ECHILD) => return Ok(None),
            _ => return Err(SysError::new("wait for", "a child", error)),
        }
    }
    // SAFETY: waitid filled in the fields for a child, or left them 0 if there was none.
    let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
    let Some(pid) = u32::try_from(pid).ok().filter(|pid| *pid != 0) else {
        return Ok(None);
    };
    let ended = match info.si_code {
        libc::CLD_EXITED => Ended::Code(status),
        code => Ended::Signal {
            signal: status,
            core: code == libc::CLD_DUMPED,
        },
    };
    Ok(Some(ChildExit { pid, ended }))
}

/// Be the parent of every descendant whose own parent dies.
pub fn become_subreaper() -> Result<(), SysError> {
    // SAFETY: prctl with this option takes one number.
    let done = unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
    if done == 0 {
        Ok(())
    } else {
        Err(SysError::last("become", "a subreaper"))
    }
}
