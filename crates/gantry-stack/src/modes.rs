//! What each mode's driver is given.
//!
//! The stack file's keys are described in `element`; these types read a specification
//! whose references and secrets were put in, with `serde_json::from_value`.

pub mod compose;
pub mod container;
pub mod forward;
pub mod helm;
pub mod kubernetes;
pub mod process;
pub mod remote;
