//! Low descriptors, kept free for children.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use crate::error::SysError;

/// The lowest descriptors of this program above the standard streams, held by `/dev/null`.
///
/// A child that shares the descriptor table leaves it with `close_range(END, .., UNSHARE)`, END being the first descriptor
/// that is no slot, which copies only what is below: so what it is to keep must lie there for a moment. Each of the
/// children that are on their way at the same time has a lane of slots to itself.
#[derive(Debug)]
pub struct Slots {
    null: RawFd,
    lanes: usize,
}

const FIRST: RawFd = 3;

/// How many children may be on their way at the same time at most: so many that processors have enough to do when the
/// one that makes them is held up for some milliseconds.
pub const LANES: usize = 16;

/// Who may have no more descriptors than so many for each lane has fewer lanes.
const ENOUGH_FOR_A_LANE: u64 = 64;

impl Slots {
    /// How many descriptors a child can be given through its lane.
    pub(crate) const ROOM: usize = 6;

    /// Close everything above standard error and take the slots: a part of the descriptors that may be open (`limit`).
    /// For a program that has just begun: descriptors that it was given, or opened before, are gone.
    pub fn take(limit: u64) -> Result<Self, SysError> {
        let lanes = usize::try_from(limit / ENOUGH_FOR_A_LANE).unwrap_or(LANES);
        let slots = Self {
            null: FIRST,
            lanes: lanes.clamp(1, LANES),
        };
        // SAFETY: closing descriptors touches no memory. That no one uses those that are closed is what
        // the documentation asks for; violated, it gives errors of those calls, or (as with any reuse
        // of numbers) another file.
        let closed = unsafe { libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, 0) };
        if closed != 0 {
            return Err(SysError::last("close", "what was open"));
        }
        let failed = || SysError::last("open", "/dev/null");
        // SAFETY: the path is a constant that ends in NUL.
        let null = unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) };
        if null < 0 {
            return Err(failed());
        }
        for slot in FIRST..slots.end() {
            // SAFETY: as above, only descriptors are touched, and those below the first free one are ours now.
            if slot != null && unsafe { libc::dup3(null, slot, libc::O_CLOEXEC) } < 0 {
                return Err(failed());
            }
        }
        Ok(slots)
    }

    /// How many children may be on their way at the same time.
    pub fn lanes(&self) -> usize {
        self.lanes
    }

    /// The first descriptor that is no slot.
    pub(crate) fn end(&self) -> RawFd {
        FIRST + 1 + RawFd::try_from(self.lanes * Self::ROOM).unwrap_or(0)
    }

    /// `/dev/null`, open for reading and writing.
    pub fn null(&self) -> BorrowedFd<'_> {
        // SAFETY: slot 3 is held by /dev/null from `take` on, and nothing closes it.
        unsafe { BorrowedFd::borrow_raw(self.null) }
    }

    /// Put a descriptor into one of the slots of a lane (from 0; the first three are for the standard streams)
    /// for its next child.
    pub(crate) fn lend(lane: usize, place: usize, fd: BorrowedFd<'_>) -> Result<RawFd, SysError> {
        let slot = lane * Self::ROOM + place;
        let slot = FIRST + 1 + RawFd::try_from(slot).unwrap_or(RawFd::MAX);
        // SAFETY: only descriptors are touched; the slot is ours.
        if unsafe { libc::dup3(fd.as_raw_fd(), slot, libc::O_CLOEXEC) } < 0 {
            return Err(SysError::last("duplicate", "a descriptor for a child"));
        }
        Ok(slot)
    }

    /// Take the first so many slots of a lane back, so that no copy of a pipe stays open in them.
    pub(crate) fn clear(&self, lane: usize, count: usize) {
        for place in 0..count.min(Self::ROOM) {
            let _ = Self::lend(lane, place, self.null());
        }
    }
}

/// Take over a descriptor that a process which shared our table has left behind, if it still is what
/// this inode says.
pub fn claim(fd: RawFd, inode: u64) -> Option<OwnedFd> {
    if fd < 0 {
        return None;
    }
    // SAFETY: the number is only looked at; if nothing is open under it, fstat says so.
    let found = rustix::fs::fstat(unsafe { BorrowedFd::borrow_raw(fd) }).ok()?;
    // SAFETY: it is open, and its one owner is the process that is gone: the inode says that it was
    // not closed and opened as something else since.
    (found.st_ino == inode).then(|| unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Let a descriptor stand for what another one stands for; what it stood for until now is let go of. Everyone who
/// shares our table sees it at the same moment.
pub fn put_behind(fd: BorrowedFd<'_>, new: &OwnedFd) -> Result<(), SysError> {
    let failed = |error| SysError::new("replace", "a descriptor", error);
    let flags = rustix::io::fcntl_getfd(fd).map_err(failed)?;
    let kept = flags.contains(rustix::io::FdFlags::CLOEXEC);
    let flags = if kept { libc::O_CLOEXEC } else { 0 };
    // SAFETY: only descriptors are touched. The number stays open and its owner's; that no one minds what is behind
    // it is what the documentation says.
    if unsafe { libc::dup3(new.as_raw_fd(), fd.as_raw_fd(), flags) } < 0 {
        return Err(SysError::last("replace", "a descriptor"));
    }
    Ok(())
}

/// Close every descriptor that is no slot, no standard stream and not in the list: what a process that
/// shared our table has left behind. Nothing else that shares it may open or close meanwhile.
pub fn close_all_but(slots: &Slots, keep: &[RawFd]) -> Result<(), SysError> {
    let failed = |error| SysError::new("read", "/proc/self/fd", error);
    let open: Vec<RawFd> = std::fs::read_dir("/proc/self/fd")
        .map_err(failed)?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    for fd in open {
        if fd >= slots.end() && !keep.contains(&fd) {
            // SAFETY: closing touches no memory; that it has no other user is what the documentation
            // asks for. One that is closed already (the one of the listing) gives an error.
            unsafe { libc::close(fd) };
        }
    }
    Ok(())
}
