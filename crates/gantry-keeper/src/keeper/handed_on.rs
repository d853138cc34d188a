//! What one keeper hands on to the next: the descriptors that the ledger names.
//!
//! A keeper that is killed hands them on without a word: they are in the table that it shared with the
//! guard, and the next one claims them. A keeper that becomes the guard has to let go of them without
//! closing them. The one that is forgotten here is closed at that moment, and what a service writes to
//! it is heard by nobody: so both ways ask for the same list.

use std::os::fd::{AsRawFd, IntoRawFd as _, OwnedFd, RawFd};

use super::Keeper;
use super::run::{Run, What};

impl Run {
    fn handed_on(&self) -> impl Iterator<Item = RawFd> {
        let behind = match &self.what {
            What::Instance { log, .. } => log.behind.as_slice(),
            What::Job { .. } => &[],
        };
        let ready = self
            .speech
            .iter()
            .filter_map(|speech| speech.ready.as_ref());
        let pipes = self.pipes.iter().flatten();
        let behind = behind.iter().map(|(_, pipe)| pipe);
        let terminal = self.terminal.iter().flat_map(|terminal| terminal.fds());
        let pipes = pipes.chain(terminal);
        pipes.chain(ready).chain(behind).map(AsRawFd::as_raw_fd)
    }

    fn let_go(self) -> Vec<OwnedFd> {
        let mut kept: Vec<OwnedFd> = self.pipes.into_iter().flatten().collect();
        kept.extend(
            self.terminal
                .into_iter()
                .flat_map(|terminal| terminal.into_fds()),
        );
        kept.extend(self.speech.and_then(|speech| speech.ready));
        if let What::Instance { log, .. } = self.what {
            kept.extend(log.behind.into_iter().map(|(_, pipe)| pipe));
        }
        kept
    }
}

impl Keeper<'_> {
    /// The numbers of all that the next keeper goes on with.
    pub(super) fn handed_on(&self) -> Vec<RawFd> {
        let of_runs = self.runs.values().flat_map(Run::handed_on);
        of_runs.chain(self.socket_fds()).collect()
    }

    /// Close everything but that: the next keeper finds it by its numbers.
    pub(super) fn leave(mut self) {
        let promised = self.handed_on();
        let runs = std::mem::take(&mut self.runs).into_values();
        let sockets = std::mem::take(&mut self.sockets).into_iter();
        let kept = runs
            .flat_map(Run::let_go)
            .chain(sockets.map(super::sockets::Opened::into_fd));
        let kept: Vec<RawFd> = kept.map(OwnedFd::into_raw_fd).collect();
        debug_assert_eq!(promised, kept, "what is handed on is let go of");
    }
}
