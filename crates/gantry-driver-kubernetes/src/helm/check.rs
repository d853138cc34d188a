//! Whose a release is, and in which state it was left.

use gantry_core::InstanceId;
use gantry_driver::{DriverError, StackIdentity};
use gantry_stack::modes::helm::{HelmSpec, OnStuck};

use super::release::Revision;
use crate::home;
use crate::record::{self, Record};

/// What must be done before a release can be upgraded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Before {
    /// Nothing.
    Nothing,
    /// It is uninstalled: nothing of it ever worked, or that is what was asked for.
    Uninstall,
    /// It goes back to this revision.
    Rollback(u32),
    /// The newest revision is forgotten: a run of ours, which has ended, has left it half done.
    Forget,
}

/// What is known of a release.
pub(crate) struct Known<'a> {
    pub(crate) stack: &'a StackIdentity,
    pub(crate) instance: &'a InstanceId,
    pub(crate) spec: &'a HelmSpec,
    pub(crate) release: &'a str,
    pub(crate) namespace: &'a str,
    /// What the inventory has.
    pub(crate) record: Option<&'a Record>,
    /// Oldest first.
    pub(crate) revisions: &'a [Revision],
}

impl Known<'_> {
    /// Whether our inventory has it.
    fn is_noted(&self) -> bool {
        self.record.is_some_and(|record| {
            let release = record.release.as_ref();
            record.namespace == self.namespace
                && release.is_some_and(|it| it.name == self.release)
                && !record.stopped
        })
    }

    /// Whether this service made it.
    pub(crate) fn is_ours(&self) -> bool {
        let Some(last) = self.revisions.last() else {
            return true;
        };
        let labels = record::label_pairs(self.stack, self.instance);
        self.is_noted()
            || labels
                .iter()
                .all(|(name, value)| last.labels.get(name) == Some(value))
    }

    /// Whether anything of it ever worked, as far as Helm remembers.
    pub(crate) fn was_deployed(&self) -> bool {
        self.last_deployed().is_some()
    }

    /// The newest revision that ever worked.
    pub(crate) fn last_deployed(&self) -> Option<u32> {
        let worked = |one: &&Revision| matches!(one.status.as_str(), "deployed" | "superseded");
        let mut newest = self.revisions.iter().rev();
        newest.find(worked).map(|one| one.number)
    }

    /// What must be done first; or why nothing may be done.
    pub(crate) fn before(&self) -> Result<Before, DriverError> {
        let Some(last) = self.revisions.last() else {
            return Ok(Before::Nothing);
        };
        let (release, namespace) = (self.release, self.namespace);
        if !self.is_ours() && !self.spec.adopt {
            let by = last.labels.get(record::STACK).map_or_else(
                || "something else".to_owned(),
                |stack| format!("the stack {stack}"),
            );
            let reason = format!(
                "there is a release {release} in {namespace} already, made by {by}; `adopt = true` takes it over, \
                 `release` gives this one another name"
            );
            return Err(DriverError::not_ours("release", reason));
        }
        let other = last.home().and_then(|mark| home::keeper(mark, self.stack));
        if let Some(by) = other.filter(|_| !self.is_noted() && !self.spec.adopt) {
            let reason =
                format!("{by}; take it down there, or say `adopt = true` to take the release over");
            return Err(DriverError::not_ours("release", reason));
        }
        if last.is_pending() {
            return self.stuck(last);
        }
        if last.status == "failed" && !self.was_deployed() {
            return Ok(Before::Uninstall);
        }
        Ok(Before::Nothing)
    }

    fn stuck(&self, last: &Revision) -> Result<Before, DriverError> {
        if self.interrupted() == Some(last.number) {
            return Ok(Before::Forget);
        }
        match (self.spec.on_stuck, self.last_deployed()) {
            (OnStuck::Rollback, Some(number)) => Ok(Before::Rollback(number)),
            (OnStuck::Rollback | OnStuck::Reinstall, _) => Ok(Before::Uninstall),
            (OnStuck::Fail, _) => {
                let doing = last.status.trim_start_matches("pending-");
                let since = last.since.as_deref();
                let since = since.map_or_else(String::new, |since| format!(" since {since}"));
                let reason = format!(
                    "the release {} is in the middle of an {doing} (revision {}){since}: a helm is at work at it, or was \
                     killed; `on-stuck` says what to do then",
                    self.release, last.number
                );
                Err(DriverError::transient("release", reason))
            }
        }
    }

    /// The revision that a run of ours was at when it ended without a result.
    fn interrupted(&self) -> Option<u32> {
        self.record?.release.as_ref()?.interrupted
    }
}
