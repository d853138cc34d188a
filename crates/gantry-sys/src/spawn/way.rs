//! Whether a child is through.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::raw::raw;

/// A word that the kernel sets to 0 when the child no longer uses our memory: `CLONE_CHILD_CLEARTID`, see clone(2).
/// It has a place of its own in memory, since lanes may be moved.
#[derive(Debug, Default)]
pub(super) struct Way(Box<AtomicU32>);

impl Way {
    /// A child is about to be born.
    pub(super) fn begin(&self) -> &AtomicU32 {
        self.0.store(1, Ordering::SeqCst);
        &self.0
    }

    /// It was not.
    pub(super) fn never_mind(&self) {
        self.0.store(0, Ordering::SeqCst);
    }

    /// Wait until it runs its program or has ended.
    pub(super) fn wait(&self) {
        loop {
            let now = self.0.load(Ordering::SeqCst);
            if now == 0 {
                return;
            }
            // SAFETY: the word is valid; nothing but it is read. The kernel wakes those who wait for the word of any
            // process, not of this one alone, so neither may this be private. Time has no limit.
            unsafe {
                raw!(
                    libc::SYS_futex,
                    self.0.as_ptr(),
                    libc::FUTEX_WAIT,
                    now,
                    std::ptr::null::<libc::timespec>(),
                );
            }
        }
    }
}
