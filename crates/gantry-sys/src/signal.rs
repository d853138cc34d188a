//! Signals: as descriptors, and to processes that are surely meant.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::OnceLock;

use rustix::process::{Pid, PidfdFlags};

use crate::error::SysError;
use crate::process::ProcessRef;

/// Signals as a descriptor that becomes readable.
#[derive(Debug)]
pub struct SignalFd {
    fd: OwnedFd,
}

impl SignalFd {
    /// Block these signals for the calling thread, and make a descriptor of them.
    pub fn new(signals: &[i32]) -> Result<Self, SysError> {
        // SAFETY: the set is initialised by sigemptyset before anything reads it; sigaddset checks its
        // number; signalfd and sigprocmask read the set only.
        let fd = unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut set);
            for signal in signals {
                libc::sigaddset(&raw mut set, *signal);
            }
            if libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) != 0 {
                return Err(SysError::last("block", "signals"));
            }
            libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
        };
        if fd < 0 {
            return Err(SysError::last("open", "a descriptor for signals"));
        }
        // SAFETY: the descriptor was just made and is nobody else's.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { fd })
    }

    /// The signals that came since the last call, each once however often it came.
    pub fn drain(&self) -> Vec<i32> {
        let mut came = Vec::new();
        let mut buffer = [0_u8; 16 * size_of::<libc::signalfd_siginfo>()];
        while let Ok(length @ 1..) = rustix::io::read(&self.fd, &mut buffer) {
            for record in buffer[..length].chunks_exact(size_of::<libc::signalfd_siginfo>()) {
                // The first field, ssi_signo.
                let Some(word) = record.first_chunk::<4>() else {
                    continue;
                };
                let signal = i32::from_ne_bytes(*word);
                if !came.contains(&signal) {
                    came.push(signal);
                }
            }
        }
        came
    }
}

impl AsFd for SignalFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Blocks every signal for the calling thread until it is dropped.
#[derive(Debug)]
pub struct BlockedSignals {
    before: libc::sigset_t,
}

/// Block every signal for the calling thread until the result is dropped.
pub fn block_all() -> BlockedSignals {
    // SAFETY: both sets are valid places; sigfillset initialises the one that is read.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        BlockedSignals { before }
    }
}

impl Drop for BlockedSignals {
    fn drop(&mut self) {
        // SAFETY: `before` was filled in by the kernel.
        unsafe {
            libc::pthread_sigmask(
                libc::SIG_SETMASK,
                &raw const self.before,
                std::ptr::null_mut(),
            );
        }
    }
}

/// A disposition as the kernel has it: handler (0 default, 1 ignored), flags, restorer, mask. The
/// library's own call refuses the two signals that it uses itself, and leaves one of them ignored in
/// programs that it starts.
pub(crate) type Disposition = [u64; 4];

/// The size of the kernel's set of signals in bytes.
pub(crate) const SIGNAL_SET: usize = 8;

/// The signals that this program ignored when this was first asked, as a list. A child inherits that,
/// and must not.
pub fn ignored() -> &'static [i32] {
    static IGNORED: OnceLock<Vec<i32>> = OnceLock::new();
    IGNORED.get_or_init(|| {
        (1..=64)
            .filter(|signal| {
                let mut now: Disposition = [0; 4];
                // SAFETY: asking for the disposition of any number writes to `now`, which is as large
                // as the kernel's structure, or fails.
                let asked = unsafe {
                    libc::syscall(
                        libc::SYS_rt_sigaction,
                        *signal,
                        std::ptr::null::<Disposition>(),
                        &raw mut now,
                        SIGNAL_SET,
                    )
                };
                asked == 0 && now[0] == libc::SIG_IGN as u64
            })
            .collect()
    })
}

/// A descriptor of exactly this process; `None` if it is gone (or another has its pid now).
pub fn pidfd(process: ProcessRef) -> Result<Option<OwnedFd>, SysError> {
    let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) else {
        return Ok(None);
    };
    match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
        // The descriptor is of whoever had the pid when it was opened, so look after opening.
        Ok(fd) => Ok(process.exists().then_some(fd)),
        Err(rustix::io::Errno::SRCH | rustix::io::Errno::INVAL) => Ok(None),
        Err(error) => Err(SysError::new(
            "open",
            format!("process {}", process.pid),
            error,
        )),
    }
}

/// Send a signal to exactly this process. `Ok(false)` if it is gone.
pub fn send(process: ProcessRef, signal: i32) -> Result<bool, SysError> {
    match pidfd(process)? {
        Some(fd) => send_by_pidfd(fd.as_fd(), signal),
        None => Ok(false),
    }
}

/// Send a signal by a process descriptor. `Ok(false)` if the process is gone.
pub fn send_by_pidfd(fd: BorrowedFd<'_>, signal: i32) -> Result<bool, SysError> {
    // SAFETY: the descriptor is open for the duration of the call; the signal's information is null,
    // which the kernel allows.
    let done = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            fd.as_raw_fd(),
            signal,
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    };
    if done == 0 {
        return Ok(true);
    }
    let error = std::io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::ESRCH) => Ok(false),
        _ => Err(SysError::new("signal", "a process", error)),
    }
}

/// Send a signal to the process group that this process leads. The group's number cannot be another's
/// as long as its leader is not waited for, or a member lives; the caller knows one of these.
pub fn kill_group(leader: ProcessRef, signal: i32) -> Result<bool, SysError> {
    let Ok(group @ 2..) = i32::try_from(leader.pid) else {
        return Ok(false);
    };
    // SAFETY: kill takes numbers only.
    if unsafe { libc::kill(-group, signal) } == 0 {
        return Ok(true);
    }
    let error = std::io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::ESRCH) => Ok(false),
        _ => Err(SysError::new("signal", format!("group {group}"), error)),
    }
}
