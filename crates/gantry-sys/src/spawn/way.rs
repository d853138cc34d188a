//! Whether a child is through.

use std::ptr;
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

    /// Whether it runs its program or has ended.
    pub(super) fn is_through(&self) -> bool {
        self.0.load(Ordering::SeqCst) == 0
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
                    ptr::null::<libc::timespec>(),
                );
            }
        }
    }
}

/// One of the words that `futex_waitv` waits for, as linux/futex.h has it.
#[repr(C)]
struct Awaited {
    value: u64,
    address: u64,
    flags: u32,
    reserved: u32,
}

/// A word of 32 bits that any process may wake for (`FUTEX2_SIZE_U32`).
const WORD: u32 = 2;

/// Wait until one of these is through. A kernel before 5.16 cannot wait for several; there it is the first one.
pub(super) fn wait_any(ways: &[&Way]) {
    let awaited: Vec<Awaited> = ways
        .iter()
        .map(|way| Awaited {
            value: 1,
            address: way.0.as_ptr().expose_provenance() as u64,
            flags: WORD,
            reserved: 0,
        })
        .collect();
    let mut can = true;
    while can && !ways.iter().any(|way| way.is_through()) {
        // SAFETY: the list is as long as is said, and its words are valid; nothing but them is read. Time has no limit.
        let result = unsafe {
            raw!(
                libc::SYS_futex_waitv,
                awaited.as_ptr(),
                awaited.len(),
                0,
                ptr::null::<libc::timespec>(),
                libc::CLOCK_MONOTONIC,
            )
        };
        // One that is through meanwhile, or a signal, is no reason to give up.
        let again = [libc::EAGAIN, libc::EINTR].map(|it| -std::ffi::c_long::from(it));
        can = result >= 0 || again.contains(&result);
    }
    if let Some(first) = ways.first().filter(|_| !can) {
        first.wait();
    }
}
