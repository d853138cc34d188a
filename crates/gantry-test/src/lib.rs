//! What several crates' tests share; never a dependency of the product.
//!
//! A test that drives the real binary makes a [`Sandbox`]: a private `GANTRY_HOME` and a folder for
//! stack files. Dropping it takes every stack in it down, and fails the test if a process is left.

mod answers;
mod binaries;
mod charts;
mod engine;
mod faults;
mod given;
mod limited;
mod process;
mod proxy;
mod relay;
mod sandbox;
mod skip;
mod wait;

pub use answers::{AnsweringPort, Answers};
pub use binaries::{Binaries, binaries, cargo};
pub use charts::ChartRepository;
pub use engine::Engine;
pub use faults::{Fault, FaultyPort};
pub use given::{cluster, free_port, variable};
pub use limited::output;
pub use process::{Process, processes_with};
pub use proxy::{Asked, Proxy};
pub use relay::Relay;
pub use sandbox::{Run, Sandbox, User};
pub use skip::skip;
pub use wait::{wait_for, wait_until};
