//! Guard and keeper: the small parents of native processes, and their protocol.
//!
//! A running stack is three parts. The *guard* ([`guard::run`]) is parent and subreaper of everything
//! and holds what must not be lost: the descriptor table, the environment, the exit statuses of those
//! whose parent died. The *keeper* spawns, signals, waits and writes logs, and knows
//! nothing else. The *supervisor* thinks, and talks to the keeper over `guard.sock` in the language of
//! [`protocol`]. Any one of them may be killed; the others start it again and carry on.

mod backoff;
pub mod client;
pub mod guard;
mod intake;
mod intent;
mod keeper;
pub mod layout;
mod ledger;
mod letter;
mod orphans;
pub mod protocol;
mod report;
mod shared;
mod supervisor;
mod tally;

pub use keeper::NO_CGROUP;
