//! System calls that touch nothing but the kernel.
//!
//! The library's own put the number of an error where its thread finds it, and a child that shares our memory is no
//! thread of ours: what it puts there is put into the middle of what we do.

use std::ffi::c_long;

/// Whether the calls of this machine are made without the library, so that a child may make them while its parent
/// goes on.
pub(crate) const BARE: bool = cfg!(target_arch = "x86_64");

/// Make a call; a negative result is the number of an error, negated.
///
/// # Safety
///
/// What the call asks of its arguments.
#[cfg(target_arch = "x86_64")]
pub(crate) unsafe fn call(number: c_long, arguments: [u64; 6]) -> c_long {
    let [first, second, third, fourth, fifth, sixth] = arguments;
    let result: c_long;
    // SAFETY: the registers are those of the kernel's convention; it changes rax, rcx and r11 only, and memory as the
    // caller answers for.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") first,
            in("rsi") second,
            in("rdx") third,
            in("r10") fourth,
            in("r8") fifth,
            in("r9") sixth,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// The same by the library.
///
/// # Safety
///
/// What the call asks of its arguments.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) unsafe fn call(number: c_long, arguments: [u64; 6]) -> c_long {
    let word = |argument| usize::try_from(argument).unwrap_or(usize::MAX);
    let [first, second, third, fourth, fifth, sixth] = arguments.map(word);
    // SAFETY: as the caller says.
    let result = unsafe { libc::syscall(number, first, second, third, fourth, fifth, sixth) };
    if result >= 0 {
        return result;
    }
    let error = std::io::Error::last_os_error().raw_os_error();
    -c_long::from(error.unwrap_or(libc::EINVAL))
}

/// An argument of a call: a number as the kernel sign-extends it, or an address.
pub(crate) trait Argument {
    /// As a register has it.
    fn word(self) -> u64;
}

impl Argument for i32 {
    fn word(self) -> u64 {
        i64::from(self).cast_unsigned()
    }
}

impl Argument for u32 {
    fn word(self) -> u64 {
        self.into()
    }
}

impl Argument for u64 {
    fn word(self) -> u64 {
        self
    }
}

impl Argument for usize {
    fn word(self) -> u64 {
        self as u64
    }
}

impl<T> Argument for *const T {
    fn word(self) -> u64 {
        self.expose_provenance() as u64
    }
}

impl<T> Argument for *mut T {
    fn word(self) -> u64 {
        self.expose_provenance() as u64
    }
}

/// `raw!(libc::SYS_…, argument, …)`: up to six arguments, the rest is 0.
macro_rules! raw {
    ($number:expr $(, $argument:expr)* $(,)?) => {{
        let given = [$($crate::raw::Argument::word($argument)),*];
        let mut arguments = [0_u64; 6];
        let mut at = 0;
        while at < given.len() {
            arguments[at] = given[at];
            at += 1;
        }
        $crate::raw::call($number, arguments)
    }};
}

pub(crate) use raw;
