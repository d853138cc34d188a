//! What the drivers of container engines share: finding an engine ([`engine`]) and telling why it is that one
//! ([`survey`]), hearing what happens in it ([`events`]), what containers there are ([`listing`]), looking at a
//! container ([`state`]) and its health ([`health`]), running a command in one ([`exec`]), joining one
//! ([`interact`]), comparing images ([`image`]), copying what one prints into gantry's own log store ([`output`]),
//! whose a thing is ([`owner`]), and an engine's errors in a driver's words ([`trouble`]).
//!
//! Nothing here makes a container.

pub mod engine;
pub mod events;
pub mod exec;
pub mod health;
pub mod image;
pub mod interact;
pub mod listing;
pub mod output;
pub mod owner;
pub mod state;
pub mod survey;
pub mod trouble;
