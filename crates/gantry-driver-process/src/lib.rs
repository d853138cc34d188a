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
//! | `pairs` | the pairs of guard and keeper, and which instance is whose |
//! | `link` | one task for each that owns the connection, everything pending, and the order of events |
//! | `attach` | joining a service's terminal |
//! | `sentence` | failures and exits in words |
//! | `logs` | reading what instances printed, with a cursor that is kept |

mod attach;
mod changes;
mod command;
mod compressor;
mod driver;
mod groups;
mod link;
mod logs;
mod needs;
mod pairs;
mod rights;
mod sentence;
mod session;
mod signal;
mod spec;
mod usage;

pub use driver::ProcessDriver;
pub use session::ProcessSession;
