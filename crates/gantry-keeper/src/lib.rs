//! Guard and keeper: the small parents of native processes, and their protocol.
//!
//! A running stack is three parts. The *guard* ([`guard::run`]) is parent and subreaper of everything
//! and holds what must not be lost: the descriptor table, the environment, the exit statuses of those
//! whose parent died. The *keeper* spawns, signals, waits and writes logs, and knows
//! nothing else. The *supervisor* thinks, and talks to the keeper over `guard.sock` in the language of
//! [`protocol`]. Any one of them may be killed; the others start it again and carry on.
//!
//! What one pair of guard and keeper can serve is limited by their descriptors. A large stack has
//! further pairs, each with its own lock, socket and ledger, that know nothing of each other. The first
//! pair's guard starts them when the supervisor asks for one, and only the first has a supervisor.

mod backoff;
#[cfg(feature = "bench")]
pub mod bench;
pub mod client;
pub mod guard;
mod intake;
mod intent;
mod keeper;
pub mod layout;
mod ledger;
mod letter;
mod lock;
mod orphans;
pub mod protocol;
mod report;
mod shared;
mod supervisor;
mod tally;

pub use keeper::NO_CGROUP;
pub use shared::PAIR_CAPACITY;
