//! A few words of memory that parent and child both see.

use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

use crate::error::SysError;

/// Words that stay shared with every child that is forked after they were made, and live as long as
/// any of them.
#[derive(Debug)]
pub struct SharedWords {
    words: NonNull<AtomicU64>,
    count: usize,
}

impl SharedWords {
    /// Make so many words, all 0.
    pub fn new(count: usize) -> Result<Self, SysError> {
        let failed = |error| SysError::new("map", "shared memory", error);
        // SAFETY: a new anonymous mapping at an address of the kernel's choice touches nothing that
        // exists. It is zeroed, which is a valid AtomicU64, and aligned to a page.
        let address = unsafe {
            rustix::mm::mmap_anonymous(
                std::ptr::null_mut(),
                count.max(1) * size_of::<AtomicU64>(),
                rustix::mm::ProtFlags::READ | rustix::mm::ProtFlags::WRITE,
                rustix::mm::MapFlags::SHARED,
            )
        }
        .map_err(failed)?;
        let words = NonNull::new(address.cast()).ok_or_else(|| failed(rustix::io::Errno::NOMEM))?;
        Ok(Self { words, count })
    }

    /// The words.
    pub fn words(&self) -> &[AtomicU64] {
        // SAFETY: the mapping has `count` aligned, initialised words and is never unmapped. All access,
        // from any process, is atomic.
        unsafe { std::slice::from_raw_parts(self.words.as_ptr(), self.count) }
    }

    /// These two words as a witness.
    pub fn witness(&self, pid: usize, failed: usize) -> Witness {
        let word = |index: usize| NonNull::from(&self.words()[index]);
        Witness {
            pid: word(pid),
            failed: word(failed),
        }
    }
}

/// Two [shared words](SharedWords), both 0 before, that tell those who come after us what became of a start.
#[derive(Debug, Clone, Copy)]
pub struct Witness {
    pid: NonNull<AtomicU64>,
    failed: NonNull<AtomicU64>,
}

impl Witness {
    /// The kernel puts the child's pid here before the child runs.
    pub(crate) fn pid(&self) -> &AtomicU64 {
        // SAFETY: a word of shared words, which are never unmapped.
        unsafe { self.pid.as_ref() }
    }

    /// The child puts here which step failed ([`Stage::unpack`](crate::Stage::unpack)).
    pub(crate) fn failed(&self) -> &AtomicU64 {
        // SAFETY: as above.
        unsafe { self.failed.as_ref() }
    }
}
