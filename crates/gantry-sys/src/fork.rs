//! Children that go on in this program.

use crate::error::SysError;

/// Make a child that goes on in this program with a copy of its memory and *the same* descriptor
/// table: what one opens the other has, and it stays open when one of them dies. The child runs
/// `child` and ends with its result; destructors of the parent's values do not run in it.
///
/// The caller must have one thread only: locks that another thread holds would stay locked.
pub fn fork_sharing_files(child: impl FnOnce() -> i32) -> Result<u32, SysError> {
    go_on(libc::CLONE_FILES, "the keeper", child)
}

/// The same, with a copy of the descriptor table.
pub fn fork(child: impl FnOnce() -> i32) -> Result<u32, SysError> {
    go_on(0, "another guard", child)
}

fn go_on(share: i32, what: &str, child: impl FnOnce() -> i32) -> Result<u32, SysError> {
    let flags = libc::c_long::from(share | libc::SIGCHLD);
    let null = 0 as libc::c_long;
    // SAFETY: without CLONE_VM and with a null stack this is fork: the child has its own copy of the
    // memory and goes on on its copy of this stack. No pointers are passed.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, null, null, null, null) };
    match pid {
        0 => {
            let code = child();
            // SAFETY: `_exit` takes any number and does not return; nothing of the parent's is run.
            unsafe { libc::_exit(code) }
        }
        -1 => Err(SysError::last("clone", what)),
        pid => u32::try_from(pid)
            .map_err(|_| SysError::new("clone", what, std::io::Error::other("no such pid"))),
    }
}
