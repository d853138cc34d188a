//! The system calls that supervision needs; the only unsafe code.
//!
//! Everything here is blocking and small, says in its error which step failed on which path, and
//! knows nothing of services. Safe callers stay safe whatever they pass in, with one exception that
//! is about meaning rather than memory: [`Slots::take`] and [`fork_sharing_files`] are for a program
//! that has just begun and has one thread.
#![expect(
    unsafe_code,
    reason = "this crate is where the workspace's unsafe code lives"
)]

mod boot;
mod capability;
mod cgroup;
mod error;
mod fork;
mod letters;
mod limits;
mod memory;
mod memory_file;
mod pipe;
mod process;
mod raw;
mod sandbox;
mod scheduling;
mod shared;
mod signal;
mod slots;
mod spawn;
mod table;
mod terminal;
mod user;
mod wait;

pub use boot::{boot_id, stack_hash};
pub use capability::CapabilitySet;
pub use cgroup::{
    CgroupRoot, Group, GroupEvents, GroupUsage, Limited, OldHierarchies, OutOfMemory, TreeLimits,
    Unavailable, limit_tree,
};
pub use error::SysError;
pub use fork::{fork, fork_sharing_files};
pub use letters::{Letter, LetterBox};
pub use limits::{OpenFiles, RLimit, raise_open_files};
pub use memory::give_back_memory;
pub use memory_file::memory_file;
pub use pipe::{Pipe, Pipes};
pub use process::{
    ProcessRef, ProcessUsage, Stat, cmdline, environment_value, group_of, has_environment,
    inode_of_fd, owner, process_usage, runs_our_program, start_time, stat, zombie_exit,
};
pub use sandbox::Sandbox;
pub use scheduling::{Policy, Scheduling};
pub use shared::SharedWords;
pub use signal::{SignalFd, block_all, ignored, kill_group, pidfd, send, send_by_pidfd};
pub use slots::{LANES, Slots, claim, close_all_but, put_behind};
pub use spawn::{
    Birth, Environment, Passed, Spawn, SpawnError, Spawner, Stage, Stdio, Witness, candidates,
};
pub use table::{Entry, ProcessTable, all_marked};
pub use terminal::{Terminal, WindowSize, set_window_size, window_size};
pub use user::{Credentials, UserError, lookup};
pub use wait::{ChildExit, Ended, become_subreaper, has_ended, reap, wait_any, wait_for};
