//! The records: a service, and the machine of one slot.
//!
//! # The life of a slot
//!
//! | from | what happens | to | the bug that this prevents |
//! |---|---|---|---|
//! | `Idle` | wanted, all conditions met, no conflicting service alive | `Starting`, next generation | a dependent on a half-started database |
//! | `Starting` | `Started` with the awaited id | `Up` | an answer about an earlier start taken for this one |
//! | `Starting` | `Exited` of this generation | as from `Up` | a process so short-lived that its end is told before its start being waited for forever |
//! | `Starting`, in its `pre-start` | `HookEnded`, well | `Starting`; or `Idle` if what it waited for has gone | a start on a dependency that died meanwhile |
//! | `Starting`, in its `pre-start` | not wanted any more | `Stopping`, the hook killed | a stop that waits for a hook that hangs |
//! | `Up`, in its `post-start` | `HookEnded`, badly | `Stopping`, then as after a bad end | a service that is taken for ready half set up |
//! | `Starting` | `StartFailed`, transient | `Backoff` or `Failed` | a busy engine failing the stack for good |
//! | `Starting` | `StartFailed`, permanent | `Failed` | a missing program retried until the ceiling |
//! | `Starting`, `Up` | not wanted any more, dependents gone | `Stopping` | a stop that waits for the start to end, and so for its timeout |
//! | `Starting`, `Up` | not ready in `start-timeout` | `Stopping`, then `Failed` | a failed service whose process still holds the port |
//! | `Starting`, `Up` | its backend says that it will never be ready, and it has not been | `Stopping`, then `Failed` | a wait that ends in a bare timeout though all is known; and a service that lives being ended for a health check that fails today |
//! | `Up` | liveness failed | `Stopping`, then as after a bad end | a restart beside the hung process: two live instances |
//! | `Up` | ended, something of its tree is left | `Stopping`, then as after its end | the next start meeting the leftovers |
//! | `Up` | ended well, policy says that is the end | `Completed` | |
//! | `Up` | ended otherwise | `Backoff`, `Failed`, or `Idle` to start at once | |
//! | `Stopping` | `Exited` | `Stopping` | the leader is gone, its children are not: only `Stopped` says that all is gone |
//! | `Stopping` | `Stopped` with the awaited id | `Idle` if not wanted or to be replaced; else what was to follow | stop beats restart: what follows is decided when the stop has ended, by what is wanted then |
//! | `Stopping` | `StopResisted` | `Stopping`, naming what resists | a stop reported as done while the process lives |
//! | `Backoff` | its timer | `Idle` | |
//! | `Backoff`, `Failed`, `Completed` | not wanted any more | `Idle` | a back-off timer that starts what was stopped |
//! | `Failed`, `Completed` | asked for again | `Idle` | a state that cannot be left |
//! | alive | backend lost, or the effect's outcome is lost | `Unknown` | a restart because of a broken socket |
//! | `Unknown` | observed running | `Up`, probes begin again | |
//! | `Unknown` | observed ended | as from `Up` | |
//! | `Unknown` | observed to be going down by a stop of an earlier supervisor | `Stopping` that generation | the end of that stop, of which nobody tells, is missed: dead, and taken to run for ever |
//! | `Unknown` | observed running, but known to have ended | `Stopping` | an old observation bringing back a dead process, as running for ever |
//! | `Unknown` | not found | `Stopping` that generation, then as after an unknown end | a start that was still on its way coming to life beside its successor |
//!
//! *Alive* are `Starting`, `Up`, `Stopping` and `Unknown`: in these something may be running, so the
//! slot is never started from them. That is why there can never be two live instances of one slot.

use std::sync::Arc;

use smol_str::SmolStr;

use super::offer::{Conditions, Offer};
use super::operation::Goal;
use crate::effect::StopHow;
use crate::failure::{ExitStatus, Failure};
use crate::hook::Hook;
use crate::ids::{EffectId, Generation, Millis, OperationId, Revision, ServiceKey, TimerId};
use crate::spec::ServiceSpec;
use crate::state::{Desired, ServiceState};

/// One service.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent marks, not states of one machine"
)]
pub(super) struct Service {
    pub(super) spec: Arc<ServiceSpec>,
    pub(super) desired: Desired,
    pub(super) revision: Revision,
    /// Instances of an earlier revision must be replaced.
    pub(super) replace_below: Revision,
    /// Instances of an earlier revision must be updated in place.
    pub(super) update_below: Revision,
    /// The next start removes first what the backend has of earlier generations.
    pub(super) recreate: bool,
    /// It left the file.
    pub(super) leaving: bool,
    /// It left the file and has stopped. The record stays, so that its key and generations do.
    pub(super) gone: bool,
    /// It was restored and has not been observed since: its backend may have slots that nobody here
    /// knows of.
    pub(super) unseen: bool,
    /// It is killed: it does not wait for its dependents to stop.
    pub(super) kill: bool,
    pub(super) slots: Vec<Slot>,
    /// How many of its edges have an unmet condition.
    pub(super) unmet: u32,
    /// How many of those cannot be met by waiting.
    pub(super) impossible: u32,
    /// How many of its dependents are alive and going down: it stops after them.
    pub(super) holds: u32,
    /// How many services that it conflicts with are alive.
    pub(super) conflicts: u32,
    /// What its neighbours' counters have been told.
    pub(super) offer: Offer,
    /// Its parts that others need, and how their conditions stand.
    pub(super) parts: Vec<(SmolStr, Conditions)>,
    /// What blocked it when it was last published; checked before it is used.
    pub(super) root: Option<ServiceKey>,
    /// What listeners have been told.
    pub(super) told: (ServiceState, bool),
    /// There is something else to be said of it than they were told, in the same state.
    pub(super) news: bool,
    pub(super) operation: Option<OperationId>,
    pub(super) waiters: Vec<(OperationId, Goal)>,
    pub(super) queued: bool,
    pub(super) acting: bool,
    pub(super) touched: bool,
}

/// One slot of a service.
#[derive(Debug, Default)]
pub(super) struct Slot {
    pub(super) generation: Generation,
    pub(super) revision: Revision,
    pub(super) run: Run,
    /// The newest generation whose leader is known to have ended. An observation that shows it
    /// running was made before that.
    pub(super) over: Generation,
    /// Someone asked for a restart, and it has not begun to stop yet.
    pub(super) replace: bool,
    /// The revision to which an update failed: it is not tried again by itself.
    pub(super) update_failed: Option<Revision>,
    pub(super) restarts: u32,
    /// Bad ends since it was last stable; the exponent of back-off.
    pub(super) attempts: u32,
    /// When it was started again, as far as that lies within the window.
    pub(super) recent: Vec<Millis>,
    pub(super) started_at: Option<Millis>,
    pub(super) last_exit: Option<ExitStatus>,
    pub(super) failure: Option<Box<Failure>>,
    pub(super) evidence: Option<SmolStr>,
    /// Runs from the first start until it is ready, over restarts in between.
    pub(super) start_timer: Option<TimerId>,
}

/// What a slot is doing.
#[derive(Debug, Default)]
pub(super) enum Run {
    /// Nothing of it runs.
    #[default]
    Idle,
    /// A start is under way.
    Starting {
        effect: EffectId,
        /// Whether its `pre-start` runs, and the effect is that of the hook.
        in_hook: bool,
    },
    /// It runs.
    Up(Up),
    /// A stop is under way.
    Stopping {
        effect: EffectId,
        /// The hook that runs before or after it; then the effect is that of the hook.
        hook: Option<Hook>,
        how: StopHow,
        pid: Option<u32>,
        then: Then,
        resists: Option<SmolStr>,
    },
    /// It ended, and is started again when the timer runs out.
    Backoff {
        timer: TimerId,
        until: Millis,
    },
    Failed,
    Completed,
    /// It may or may not run.
    Unknown {
        pid: Option<u32>,
        been_ready: bool,
        then: Then,
    },
}

/// Whether what a slot was changed to as it runs has been ready.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Proof {
    /// It has, or nothing was changed.
    #[default]
    Given,
    /// It has not yet.
    Awaited,
}

/// A slot that runs.
#[derive(Debug)]
pub(super) struct Up {
    pub(super) pid: Option<u32>,
    pub(super) ready: bool,
    /// Since when it has been ready, if it ever was since its start.
    pub(super) been_ready: Option<Millis>,
    pub(super) live: bool,
    /// Whether its probes are being watched.
    pub(super) watched: bool,
    pub(super) update: Option<(EffectId, Revision)>,
    /// Whether the last change as it runs has been seen to work.
    pub(super) proof: Proof,
    /// Its `post-start` runs.
    pub(super) hook: Option<PostStart>,
}

/// A `post-start` that runs.
#[derive(Debug)]
pub(super) struct PostStart {
    pub(super) effect: EffectId,
    /// Whether its backend said meanwhile that it is ready.
    pub(super) heard_ready: bool,
}

/// What follows a stop, if the slot is still wanted then.
#[derive(Debug, Default)]
pub(super) enum Then {
    /// Nothing of its own: it is started again if it is wanted.
    #[default]
    Rest,
    /// What follows a bad end, by the restart policy.
    Crash(Box<Failure>),
    /// It has failed.
    Fail(Box<Failure>),
    /// It has completed.
    Complete,
    /// It ended well and is started again by its policy.
    Again,
}

impl Slot {
    /// A slot of which something may be running.
    pub(super) fn unknown() -> Self {
        let run = Run::Unknown {
            pid: None,
            been_ready: false,
            then: Then::Rest,
        };
        Self {
            run,
            ..Self::default()
        }
    }

    /// Whether something of it may be running.
    pub(super) fn alive(&self) -> bool {
        matches!(
            self.run,
            Run::Starting { .. } | Run::Up(_) | Run::Stopping { .. } | Run::Unknown { .. }
        )
    }

    pub(super) fn resists(&self) -> Option<&SmolStr> {
        match &self.run {
            Run::Stopping { resists, .. } => resists.as_ref(),
            _ => None,
        }
    }

    /// What went wrong with what is being stopped, if that is why. The stop may take long, and nobody is to
    /// wait so long for the reason.
    pub(super) fn stopped_for(&self) -> Option<&Failure> {
        match &self.run {
            Run::Stopping {
                then: Then::Fail(failure) | Then::Crash(failure),
                ..
            } => Some(failure),
            _ => None,
        }
    }

    /// Why it does not run, in a state that something that went wrong has led to.
    pub(super) fn fell_for(&self) -> Option<&Failure> {
        match self.run {
            Run::Failed | Run::Backoff { .. } => self.failure.as_deref(),
            _ => self.stopped_for(),
        }
    }

    pub(super) fn ready(&self) -> bool {
        matches!(&self.run, Run::Up(up) if up.ready)
    }

    pub(super) fn pid(&self) -> Option<u32> {
        match &self.run {
            Run::Up(up) => up.pid,
            Run::Stopping { pid, .. } | Run::Unknown { pid, .. } => *pid,
            Run::Idle
            | Run::Starting { .. }
            | Run::Backoff { .. }
            | Run::Failed
            | Run::Completed => None,
        }
    }
}

impl Service {
    pub(super) fn new(spec: Arc<ServiceSpec>) -> Self {
        Self {
            spec,
            desired: Desired::Stopped,
            revision: Revision(1),
            replace_below: Revision(0),
            update_below: Revision(0),
            recreate: false,
            leaving: false,
            gone: false,
            unseen: false,
            kill: false,
            slots: Vec::new(),
            unmet: 0,
            impossible: 0,
            holds: 0,
            conflicts: 0,
            offer: Offer::default(),
            parts: Vec::new(),
            root: None,
            told: (ServiceState::Stopped, false),
            news: false,
            operation: None,
            waiters: Vec::new(),
            queued: false,
            acting: false,
            touched: false,
        }
    }

    /// Let it have so many slots at least.
    pub(super) fn grow(&mut self, slots: usize, new: fn() -> Slot) {
        let more = slots.saturating_sub(self.slots.len());
        // Nearly all have one, and would get room for four.
        self.slots.reserve_exact(more);
        self.slots.extend((0..more).map(|_| new()));
    }

    /// Whether this slot should run.
    pub(super) fn wants(&self, slot: usize) -> bool {
        self.desired == Desired::Running && slot < usize::from(self.spec.replicas)
    }

    pub(super) fn any_alive(&self) -> bool {
        self.slots.iter().any(Slot::alive)
    }

    /// Whether the slot runs something that must be replaced.
    pub(super) fn outdated(&self, slot: &Slot) -> bool {
        slot.alive() && (slot.replace || slot.revision < self.replace_below)
    }

    /// Whether the slot runs something that is to be updated in place.
    pub(super) fn to_update(&self, slot: &Slot) -> bool {
        matches!(slot.run, Run::Up(_))
            && slot.revision < self.update_below
            && slot.update_failed != Some(self.revision)
    }

    /// The slots that should run; fewer than wanted while some have not been made yet.
    pub(super) fn wanted_slots(&self) -> &[Slot] {
        let wanted = match self.desired {
            Desired::Running => usize::from(self.spec.replicas),
            Desired::Stopped => 0,
        };
        &self.slots[..wanted.min(self.slots.len())]
    }

    /// Whether every slot that should run passes the test, and at least one should.
    pub(super) fn all_wanted(&self, test: impl Fn(&Slot) -> bool) -> bool {
        let wanted = self.wanted_slots();
        !wanted.is_empty()
            && wanted.len() == usize::from(self.spec.replicas)
            && wanted.iter().all(test)
    }

    pub(super) fn ready(&self) -> bool {
        self.all_wanted(Slot::ready)
    }

    /// Whether an instance cannot start because of something that waiting does not bring, and nothing
    /// else of the service is under way. All of it: it is `blocked`. Part of it: `degraded`.
    pub(super) fn held(&self) -> bool {
        let wanted = self.wanted_slots();
        let under_way = |slot: &Slot| match &slot.run {
            Run::Starting { .. }
            | Run::Stopping { .. }
            | Run::Backoff { .. }
            | Run::Unknown { .. } => true,
            Run::Up(up) => up.been_ready.is_none(),
            Run::Idle | Run::Failed | Run::Completed => false,
        };
        self.impossible > 0
            && wanted.iter().any(|slot| matches!(slot.run, Run::Idle))
            && !wanted.iter().any(under_way)
    }

    /// Its state, by the first row of this table that fits. *Wanted* slots are those below the
    /// wanted number of replicas while the service is desired.
    ///
    /// | instances | state |
    /// |---|---|
    /// | one is unknown | `unknown` |
    /// | none is wanted, one stops | `stopping` |
    /// | none is wanted, one is up or starts (it waits for its dependents to stop) | `running`, `starting` |
    /// | none is wanted, none is alive | `stopped` |
    /// | one is updated in place, or alive with a revision that must go, and none resists | `updating` |
    /// | all wanted have been ready since their start | `running` |
    /// | some have, of the others none starts for the first time | `degraded` |
    /// | one starts, or is up and has not been ready | `starting` |
    /// | one stops | `stopping` |
    /// | one backs off | `backoff` |
    /// | one has failed | `failed` |
    /// | all have completed | `completed` |
    /// | something needed cannot come by waiting | `blocked` |
    /// | anything else | `waiting` |
    ///
    /// That `failed` comes after `backoff` keeps a service with one failed replica from being taken
    /// for lost while another is still being tried. That `updating` comes before `stopping` lets a
    /// script tell a replacement from a stop.
    pub(super) fn state(&self) -> ServiceState {
        if self
            .slots
            .iter()
            .any(|slot| matches!(slot.run, Run::Unknown { .. }))
        {
            return ServiceState::Unknown;
        }
        let stopping = |slots: &[Slot]| {
            slots
                .iter()
                .any(|slot| matches!(slot.run, Run::Stopping { .. }))
        };
        let wanted = self.wanted_slots();
        if self.desired == Desired::Stopped || self.spec.replicas == 0 {
            return if stopping(&self.slots) {
                ServiceState::Stopping
            } else if self.slots.iter().any(has_been_ready) {
                ServiceState::Running
            } else if self.any_alive() {
                ServiceState::Starting
            } else {
                ServiceState::Stopped
            };
        }
        let resisted = wanted.iter().any(|slot| slot.resists().is_some());
        let changing = |slot: &Slot| {
            matches!(&slot.run, Run::Up(up) if up.update.is_some())
                || (slot.alive() && slot.revision < self.replace_below)
        };
        if !resisted && wanted.iter().any(changing) {
            return ServiceState::Updating;
        }
        if self.all_wanted(has_been_ready) {
            return ServiceState::Running;
        }
        let starts = |slot: &Slot| match &slot.run {
            Run::Starting { .. } => true,
            Run::Up(up) => up.been_ready.is_none(),
            _ => false,
        };
        let starting = wanted.iter().any(starts);
        let first = wanted.iter().any(|slot| starts(slot) && slot.restarts == 0);
        let any = |test: fn(&Run) -> bool| wanted.iter().any(|slot| test(&slot.run));
        if wanted.iter().any(has_been_ready) && !first {
            ServiceState::Degraded
        } else if starting {
            ServiceState::Starting
        } else if stopping(wanted) {
            ServiceState::Stopping
        } else if any(|run| matches!(run, Run::Backoff { .. })) {
            ServiceState::Backoff
        } else if any(|run| matches!(run, Run::Failed)) {
            ServiceState::Failed
        } else if self.all_wanted(|slot| matches!(slot.run, Run::Completed)) {
            ServiceState::Completed
        } else if self.impossible > 0 {
            ServiceState::Blocked
        } else {
            ServiceState::Waiting
        }
    }
}

/// Whether the slot is up and has been ready since its start.
fn has_been_ready(slot: &Slot) -> bool {
    matches!(&slot.run, Run::Up(up) if up.been_ready.is_some())
}
