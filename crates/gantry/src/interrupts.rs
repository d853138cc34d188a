//! Ctrl-C, and being asked to end in other ways.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Everything that interrupts, heard from its making on: what comes while nobody waits is not lost, but is the
/// next one's. (Handlers stay in place when a listener is dropped, so a listener for each wait would let a
/// Ctrl-C between two of them vanish.)
pub(crate) struct Interrupts(Option<[Signal; 3]>);

impl Interrupts {
    /// Listens from now on. Needs a runtime.
    pub(crate) fn new() -> Self {
        let listen = || {
            std::io::Result::Ok([
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
                signal(SignalKind::hangup())?,
            ])
        };
        Self(listen().ok())
    }

    /// Ends when someone presses Ctrl-C, or asks the process to end.
    pub(crate) async fn next(&mut self) {
        match &mut self.0 {
            Some([interrupt, terminate, hangup]) => {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hangup.recv() => {}
                }
            }
            // Without handlers the signals end the process, which is what was wanted.
            None => std::future::pending().await,
        }
    }
}
