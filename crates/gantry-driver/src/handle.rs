//! What is enough to find an instance again.

use gantry_core::ModeName;
use serde::{Deserialize, Serialize};

use crate::Packed;

/// What a driver needs to find an instance again after everything that was in memory is gone.
///
/// Whoever keeps it does not read it. The version is the driver's own: it must read what its
/// earlier versions wrote, and say so when it cannot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handle {
    /// The version of the payload.
    pub version: u32,
    /// The mode whose driver made it.
    pub mode: ModeName,
    /// The driver's own.
    pub payload: Packed,
}
