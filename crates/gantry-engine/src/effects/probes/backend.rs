//! What a backend says about whether an instance is ready.

/// The last word of a backend. Where backends decide about readiness, an instance is ready when its
/// backend says so *and* the probes of the stack file pass: an instance that its backend calls healthy may
/// still not answer at the port that others use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum BackendWord {
    /// In this mode it has none: probes alone decide.
    #[default]
    Nobody,
    /// It has said nothing yet.
    Awaited,
    /// It is ready.
    Ready,
    /// It is not, for this reason.
    NotReady(String),
}

impl BackendWord {
    /// Whether it leaves the decision to the probes.
    pub(super) fn lets(&self) -> bool {
        matches!(self, Self::Nobody | Self::Ready)
    }

    /// Why it holds the instance to be not ready, if it does.
    pub(super) fn against(&self) -> Option<&str> {
        match self {
            Self::NotReady(reason) => Some(reason),
            Self::Nobody | Self::Awaited | Self::Ready => None,
        }
    }
}
