//! What benches reach of the inside.

use std::io;

use camino::Utf8Path;

use crate::ledger::{self, Entry};
use crate::protocol::Event;

/// The keeper's ledger.
#[derive(Debug)]
pub struct Ledger(ledger::Ledger);

impl Ledger {
    /// Open it at this path.
    pub fn open(path: &Utf8Path) -> io::Result<Self> {
        let (ledger, _, _) = ledger::Ledger::open(path, false)?;
        Ok(Self(ledger))
    }

    /// Write an event down.
    pub fn append(&mut self, event: &Event) -> io::Result<()> {
        let event = event.clone();
        self.0.append(&Entry::Event { event })
    }
}
