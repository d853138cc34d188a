//! Guard and keeper with real processes.
#![expect(
    clippy::disallowed_methods,
    reason = "who tests the guard starts it, as the command line would"
)]

mod capture;
mod jobs;
mod limits;
mod logs;
mod many;
mod pairs;
mod sandbox;
mod sockets;
mod spawn;
mod stop;
mod support;
mod survive;
mod terminal;
mod trees;
mod voice;
