//! Making a process that shares our memory.

use std::ffi::c_void;
use std::io;
use std::ptr;
use std::sync::atomic::AtomicU32;

use super::child::{Plan, child};
use crate::error::SysError;

/// A stack for the child, since it runs in our memory beside us. One page below it is out of bounds.
#[derive(Debug)]
pub(super) struct Stack {
    base: *mut c_void,
}

const STACK: usize = 64 * 1024;
const GUARD: usize = 4096;

impl Stack {
    pub(super) fn new() -> Result<Self, SysError> {
        let failed = |error| SysError::new("map", "a stack", error);
        // SAFETY: a new anonymous mapping touches nothing that exists; protecting its first page
        // concerns nobody else.
        unsafe {
            let base = rustix::mm::mmap_anonymous(
                ptr::null_mut(),
                GUARD + STACK,
                rustix::mm::ProtFlags::READ | rustix::mm::ProtFlags::WRITE,
                rustix::mm::MapFlags::PRIVATE,
            )
            .map_err(failed)?;
            rustix::mm::mprotect(base, GUARD, rustix::mm::MprotectFlags::empty())
                .map_err(failed)?;
            Ok(Self { base })
        }
    }

    fn usable(&self) -> *mut c_void {
        self.base.wrapping_byte_add(GUARD)
    }

    fn top(&self) -> *mut c_void {
        self.base.wrapping_byte_add(GUARD + STACK)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours and nobody runs on it: its lane has waited for a child that did.
        unsafe {
            let _ = rustix::mm::munmap(self.base, GUARD + STACK);
        }
    }
}

fn flags(shared_files: bool, plan: &Plan) -> i32 {
    let files = if shared_files { libc::CLONE_FILES } else { 0 };
    let told = if plan.witness.is_some() {
        libc::CLONE_PARENT_SETTID
    } else {
        0
    };
    // A process that shares memory with another cannot get a user namespace later, only when it is
    // born.
    let user = if plan.own_user_namespace() {
        libc::CLONE_NEWUSER
    } else {
        0
    };
    libc::CLONE_VM | files | told | user
}

/// Where the kernel is to write the pid: four bytes, the low ones of a word on a little-endian machine.
fn pid_word(plan: &Plan) -> *mut libc::pid_t {
    let low = usize::from(cfg!(target_endian = "big"));
    let word = |witness: &crate::shared::Witness| {
        let word = witness.pid().as_ptr().cast::<libc::pid_t>();
        word.wrapping_add(low)
    };
    plan.witness.as_ref().map_or(ptr::null_mut(), word)
}

/// The call that every kernel has. It cannot put the child into a control group, and comes back when the child has
/// run its program or ended.
pub(super) fn clone(stack: &Stack, shared_files: bool, plan: *mut Plan) -> Result<u32, i32> {
    // SAFETY: the caller's own plan.
    let (flags, told) = unsafe { (flags(shared_files, &*plan), pid_word(&*plan)) };
    let flags = flags | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: with VM and VFORK the child runs `child` on a stack of its own in our memory, and this
    // thread sleeps until it has run a program or ended. So `plan` outlives its use, and no one else
    // uses it meanwhile. `child` keeps to what is allowed there (see its own words). All signals are
    // blocked, so no handler of ours runs in it.
    let pid = unsafe { libc::clone(child, stack.top(), flags, plan.cast(), told) };
    result(pid.into())
}

/// The newer call, with the control group to be born into. It comes back at once: the kernel puts 0 into `way`
/// and wakes whoever waits there when the child has run its program or ended. Until then stack, plan and word
/// must stay as they are.
#[cfg(target_arch = "x86_64")]
pub(super) fn clone3(
    stack: &Stack,
    shared_files: bool,
    cgroup: Option<i32>,
    plan: *mut Plan,
    way: &AtomicU32,
) -> Result<u32, i32> {
    const INTO_CGROUP: u64 = 0x2_0000_0000;
    // SAFETY: zero is a valid clone_args.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    // SAFETY: the caller's own plan.
    let (flags, told) = unsafe { (flags(shared_files, &*plan), pid_word(&*plan)) };
    args.flags = u64::from((flags | libc::CLONE_CHILD_CLEARTID).unsigned_abs());
    args.parent_tid = told.addr() as u64;
    args.child_tid = way.as_ptr().addr() as u64;
    args.exit_signal = libc::SIGCHLD.unsigned_abs().into();
    args.stack = stack.usable().addr() as u64;
    args.stack_size = STACK as u64;
    if let Some(group) = cgroup.and_then(|group| u64::try_from(group).ok()) {
        args.flags |= INTO_CGROUP;
        args.cgroup = group;
    }
    let plan: *mut c_void = plan.cast();
    let entry: unsafe extern "C" fn(*mut c_void) -> i32 = child_unsafe;
    let pid: i64;
    // SAFETY: the child runs `child` on a stack of its own in our memory, beside this thread, which keeps stack,
    // plan and word until it is through (see above). `child` keeps to what is allowed there. All signals are
    // blocked, so no handler of ours runs in it. The child wakes behind the system call with the same registers but for
    // rax (0) and rsp (the top of its stack, which is aligned to 16 as a call wants it); it calls
    // `child` with the plan and ends the process with what that gives, so it never runs behind this
    // block. The parent goes on behind it with only rax, rcx and r11 changed, which are declared.
    // r12 and r13 are named because the kernel keeps them over the call.
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r13",
            "call r12",
            "mov edi, eax",
            "mov eax, {exit}",
            "syscall",
            "ud2",
            "2:",
            exit = const libc::SYS_exit,
            inlateout("rax") libc::SYS_clone3 => pid,
            in("rdi") &raw mut args,
            in("rsi") size_of::<libc::clone_args>(),
            in("r12") entry,
            in("r13") plan,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    if pid < 0 {
        return Err(i32::try_from(-pid).unwrap_or(libc::EINVAL));
    }
    u32::try_from(pid).map_err(|_| libc::EINVAL)
}

/// `child` under the type that a call through a register has.
#[cfg(target_arch = "x86_64")]
unsafe extern "C" fn child_unsafe(plan: *mut c_void) -> i32 {
    child(plan)
}

/// Elsewhere the older call is used, and the child joins its control group by itself.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn clone3(
    _stack: &Stack,
    _shared_files: bool,
    _cgroup: Option<i32>,
    _plan: *mut Plan,
    _way: &AtomicU32,
) -> Result<u32, i32> {
    Err(libc::ENOSYS)
}

fn result(pid: i64) -> Result<u32, i32> {
    u32::try_from(pid).map_err(|_| {
        io::Error::last_os_error()
            .raw_os_error()
            .unwrap_or(libc::EINVAL)
    })
}
