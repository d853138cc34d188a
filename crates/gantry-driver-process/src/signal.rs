//! Signals that mean something of their own to the keeper.

/// Asks nothing: something else did.
pub(crate) const NONE: i32 = 0;

/// Kills without asking.
pub(crate) const KILL: i32 = 9;

/// The usual way to ask.
pub(crate) const TERM: i32 = 15;
