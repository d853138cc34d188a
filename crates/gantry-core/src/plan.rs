//! From what is to what should be: ordered steps, each with its reason.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::event::{Change, ChangeEffect, Targets};
use crate::graph::{Direction, Graph, GraphError, key_at};
use crate::ids::{ModeName, ServiceKey, ServiceName};
use crate::spec::{Kind, ServiceSpec};

/// What is done with a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Nothing: it is as it should be.
    Keep,
    /// Start it.
    Start,
    /// Stop it.
    Stop,
    /// Stop it, then start it.
    Restart,
    /// Stop it, remove what the backend has of it, make it anew.
    Recreate,
    /// Change it while it runs.
    Update,
    /// Have more or fewer instances of it.
    Scale,
    /// Stop it and forget it.
    Remove,
}

impl Action {
    /// The word people see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Recreate => "recreate",
            Self::Update => "update",
            Self::Scale => "scale",
            Self::Remove => "remove",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a step is what it is. Its `Display` is the `reason` that people and scripts see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It does not run.
    NotRunning,
    /// It has failed, and is tried again.
    HasFailed,
    /// It runs as it should.
    Unchanged,
    /// It is a job that ended well already.
    Completed,
    /// These fields differ; empty when only the digest says so.
    Changed(Vec<SmolStr>),
    /// It follows this service, which restarts.
    Follows(ServiceName),
    /// The file does not have it any more.
    LeftFile,
    /// It ran in one mode and should run in another.
    Mode {
        /// The mode it runs in.
        from: ModeName,
        /// The mode it should run in.
        to: ModeName,
    },
    /// It has so many instances and should have so many.
    Replicas {
        /// How many it has.
        from: u16,
        /// How many it should have.
        to: u16,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning => f.write_str("not running"),
            Self::HasFailed => f.write_str("failed before"),
            Self::Unchanged => f.write_str("runs and is unchanged"),
            Self::Completed => f.write_str("completed and is unchanged"),
            Self::Changed(fields) => match fields.as_slice() {
                [] => f.write_str("its specification changed"),
                [one] => write!(f, "its {one} changed"),
                [first, others @ .., last] => {
                    write!(f, "its {first}")?;
                    others.iter().try_for_each(|field| write!(f, ", {field}"))?;
                    write!(f, " and {last} changed")
                }
            },
            Self::Follows(name) => write!(f, "depends on {name}, which restarts"),
            Self::LeftFile => f.write_str("no longer in the file"),
            Self::Mode { from, to } => write!(f, "mode changed from {from} to {to}"),
            Self::Replicas { from, to } => write!(f, "replicas changed from {from} to {to}"),
        }
    }
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// With which service.
    pub service: ServiceName,
    /// Why.
    pub reason: Reason,
}

/// What a service is doing, as far as a plan is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It runs, or is on its way there.
    Up,
    /// It does not run.
    Down,
    /// It has failed.
    Failed,
    /// It ended well.
    Completed,
}

/// A service as it is now.
#[derive(Debug, Clone, Copy)]
pub struct Present<'a> {
    /// The specification that it runs, or last ran.
    pub spec: &'a ServiceSpec,
    /// What it is doing.
    pub phase: Phase,
    /// Whether someone asked for it to run.
    pub wanted: bool,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The model is not a graph.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A service that was named does not exist.
    #[error("there is no service {0}")]
    NoSuchService(ServiceName),
}

/// The steps from `present` (in start order) to the model `wanted`: first what is removed, in reverse
/// start order, then everything that `targets` asks for and what that needs, in start order.
///
/// `changes` says what the changed specifications need, as the drivers' diffs tell; a service whose
/// digest differs without an entry there restarts. A service that runs and was not asked for is no
/// part of the plan, and keeps the specification that it runs.
pub fn plan<S: Borrow<ServiceSpec>>(
    present: &[Present<'_>],
    wanted: &[S],
    changes: &[Change],
    targets: &Targets,
) -> Result<Vec<Step>, PlanError> {
    let wanted: Vec<&ServiceSpec> = wanted.iter().map(Borrow::borrow).collect();
    let wanted = wanted.as_slice();
    let graph = Graph::of(wanted)?;
    let now: HashMap<&str, Present<'_>> =
        present.iter().map(|p| (p.spec.name.as_str(), *p)).collect();
    let scope = scope(&graph, wanted, &now, targets)?;
    let changes: HashMap<&str, &Change> = changes
        .iter()
        .map(|change| (change.service.as_str(), change))
        .collect();

    let mut steps = Vec::with_capacity(wanted.len());
    if *targets == Targets::AutoStart {
        let names: HashSet<&str> = wanted.iter().map(|spec| spec.name.as_str()).collect();
        for gone in present
            .iter()
            .rev()
            .filter(|p| !names.contains(p.spec.name.as_str()))
        {
            if gone.phase != Phase::Down {
                let service = gone.spec.name.clone();
                steps.push(Step {
                    action: Action::Remove,
                    service,
                    reason: Reason::LeftFile,
                });
            }
        }
    }

    let mut restarts = vec![false; wanted.len()];
    for key in graph.order() {
        if !scope[key.index()] {
            continue;
        }
        let spec = wanted[key.index()];
        let now = now.get(spec.name.as_str()).copied();
        let (mut action, mut reason) = decide(spec, now, changes.get(spec.name.as_str()).copied());
        let runs = now.is_some_and(|now| now.phase == Phase::Up);
        if runs && !matches!(action, Action::Restart | Action::Recreate) {
            let leader = graph
                .dependencies(key)
                .iter()
                .find(|link| link.follow && restarts[link.to.index()]);
            if let Some(link) = leader {
                action = Action::Restart;
                reason = Reason::Follows(wanted[link.to.index()].name.clone());
            }
        }
        restarts[key.index()] = matches!(action, Action::Restart | Action::Recreate);
        steps.push(Step {
            action,
            service: spec.name.clone(),
            reason,
        });
    }
    Ok(steps)
}

/// Marks the services that `targets` is about, with all that they need.
fn scope(
    graph: &Graph,
    wanted: &[&ServiceSpec],
    now: &HashMap<&str, Present<'_>>,
    targets: &Targets,
) -> Result<Vec<bool>, PlanError> {
    let asked_for = |spec: &ServiceSpec| {
        now.get(spec.name.as_str())
            .is_some_and(|present| present.wanted)
    };
    let seeds: Vec<ServiceKey> = match targets {
        Targets::AutoStart => (0..wanted.len())
            .filter(|at| wanted[*at].auto_start || asked_for(wanted[*at]))
            .map(key_at)
            .collect(),
        Targets::Named(names) => {
            let keys: HashMap<&str, usize> = (0..wanted.len())
                .map(|at| (wanted[at].name.as_str(), at))
                .collect();
            let find = |name: &ServiceName| {
                let found = keys.get(name.as_str()).map(|at| key_at(*at));
                found.ok_or_else(|| PlanError::NoSuchService(name.clone()))
            };
            names.iter().map(find).collect::<Result<_, _>>()?
        }
    };
    let mut marks = vec![false; wanted.len()];
    for key in graph.closure(seeds, Direction::Dependencies, |_, _| true) {
        marks[key.index()] = true;
    }
    Ok(marks)
}

/// What is done with one service, apart from those that follow others.
fn decide(
    spec: &ServiceSpec,
    now: Option<Present<'_>>,
    change: Option<&Change>,
) -> (Action, Reason) {
    let Some(now) = now else {
        return (Action::Start, Reason::NotRunning);
    };
    let anew = change.is_some_and(|change| change.anew);
    let same = now.spec.runs_like(spec) && !anew;
    match now.phase {
        Phase::Down => (Action::Start, Reason::NotRunning),
        Phase::Failed => (Action::Start, Reason::HasFailed),
        Phase::Completed if spec.kind == Kind::Service => (Action::Start, Reason::NotRunning),
        Phase::Completed if same => (Action::Keep, Reason::Completed),
        Phase::Up if same && now.spec.replicas != spec.replicas => {
            let reason = Reason::Replicas {
                from: now.spec.replicas,
                to: spec.replicas,
            };
            (Action::Scale, reason)
        }
        Phase::Up if same => (Action::Keep, Reason::Unchanged),
        Phase::Up | Phase::Completed => {
            if now.spec.mode != spec.mode {
                let (from, to) = (now.spec.mode.clone(), spec.mode.clone());
                return (Action::Restart, Reason::Mode { from, to });
            }
            let (effect, fields) = change.map_or_else(
                || (ChangeEffect::Restart, Vec::new()),
                |change| (change.effect, change.fields.clone()),
            );
            let action = match effect {
                ChangeEffect::None => Action::Keep,
                ChangeEffect::Watch | ChangeEffect::InPlace if now.phase == Phase::Completed => {
                    Action::Keep
                }
                ChangeEffect::Watch | ChangeEffect::InPlace => Action::Update,
                ChangeEffect::Restart => Action::Restart,
                ChangeEffect::Recreate => Action::Recreate,
            };
            (action, Reason::Changed(fields))
        }
    }
}

#[cfg(test)]
mod tests;
