//! Native processes, by way of guard and keeper.
//!
//! This driver forks nothing and reads no clock to know whether a process lives: it tells the keeper
//! what should be, over `guard.sock`, and turns what the keeper reports into the words of the seam.
//!
//! | module | what it does |
//! |---|---|
//! | `driver` | the static half: prerequisites, differences, targets |
//! | `spec` | what `[services.X.process]` says, resolved |
//! | `command` | from a specification to what the keeper spawns: environment, folder, limits |
//! | `session` | the live half, as the engine sees it |
//! | `compressor` | rotated logs of those who wish it, in a thread of its own |
//! | `link` | one task that owns the connection, everything pending, and the order of events |
//! | `sentence` | failures and exits in words |
//! | `logs` | reading what instances printed, with a cursor that is kept |

mod changes;
mod command;
mod compressor;
mod driver;
mod link;
mod logs;
mod needs;
mod rights;
mod sentence;
mod session;
mod signal;
mod spec;
mod usage;

pub use driver::ProcessDriver;
pub use session::ProcessSession;
