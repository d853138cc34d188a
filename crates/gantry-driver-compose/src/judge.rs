//! What the containers of a project mean together.

use std::collections::BTreeMap;

use gantry_container_engine::state::{Health, Run};
use gantry_core::ExitStatus;
use gantry_driver::{ChildName, ChildStatus};
use jiff::Timestamp;
use smol_str::{SmolStr, ToSmolStr as _, format_smolstr};

use crate::look::Seen;
use crate::project::Until;
use crate::record::Record;

/// One container, and what is known of it besides its state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) seen: &'a Seen,
    /// It has ended before this start, and this start has not come to it yet.
    pub(crate) old: bool,
}

/// What holds for the whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances {
    /// Whether a start is under way, so that more may come.
    pub(crate) starting: bool,
    /// Whether it has been ready since its start.
    pub(crate) been_ready: bool,
}

/// How the whole is doing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// Nothing of it has run yet.
    Nothing,
    /// It runs.
    Runs {
        /// Why it is not ready, if it is not.
        evidence: Option<SmolStr>,
    },
    /// One of it has ended badly, or will never be ready.
    Failed {
        /// The container's id.
        id: String,
        /// What happened, as a sentence.
        reason: SmolStr,
        exit: Option<ExitStatus>,
        at: Option<Timestamp>,
        /// What still runs.
        left: Option<SmolStr>,
    },
    /// All of it has ended well.
    Over {
        /// The container that ended last.
        id: String,
        at: Option<Timestamp>,
    },
}

/// How the containers of one service are doing, for those that wait for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) started: bool,
    pub(crate) ready: bool,
    pub(crate) completed: bool,
}

impl Standing {
    /// Whether it has come to this.
    pub(crate) fn has(self, until: Until) -> bool {
        match until {
            Until::Started => self.started,
            Until::Healthy => self.ready,
            Until::Completed => self.completed,
        }
    }
}

fn word(known: &Known<'_>) -> SmolStr {
    let state = &known.seen.state;
    match (&state.run, &state.health) {
        (Run::Created, _) => "created".into(),
        (Run::Running { .. }, Health::Unchecked) => "running".into(),
        (Run::Running { .. }, Health::Starting) => "starting".into(),
        (Run::Running { .. }, Health::Healthy) => "healthy".into(),
        (Run::Running { .. }, Health::Unhealthy(_)) => "unhealthy".into(),
        (Run::Exited { .. }, _) if state.restarts => "restarting".into(),
        (Run::Exited { exit, .. }, _) if exit.success() => "completed".into(),
        (Run::Exited { exit, .. }, _) => match exit {
            ExitStatus::Code(code) => format_smolstr!("exited {code}"),
            other => other.to_smolstr(),
        },
    }
}

fn completed(known: &Known<'_>) -> bool {
    let state = &known.seen.state;
    matches!(&state.run, Run::Exited { exit, .. } if exit.success() && !state.restarts)
}

fn failed(known: &Known<'_>) -> bool {
    let state = &known.seen.state;
    !known.old
        && matches!(&state.run, Run::Exited { exit, .. } if !exit.success() && !state.restarts)
}

fn runs(known: &Known<'_>) -> bool {
    matches!(known.seen.state.run, Run::Running { .. })
}

/// Each service of the project by its name. `jobs` are those whose end is waited for.
pub(crate) fn children(containers: &[Known<'_>], record: Option<&Record>) -> Vec<ChildStatus> {
    let mut parts: BTreeMap<&str, Vec<&Known<'_>>> = BTreeMap::new();
    for part in record.iter().flat_map(|record| &record.parts) {
        parts.entry(part).or_default();
    }
    for known in containers {
        parts.entry(&known.seen.part).or_default().push(known);
    }
    let is_job = |part: &str| {
        let mut jobs = record.iter().flat_map(|record| &record.jobs);
        jobs.any(|job| job == part)
    };
    parts
        .into_iter()
        .map(|(part, all)| child(part, &all, is_job(part)))
        .collect()
}

fn child(part: &str, all: &[&Known<'_>], job: bool) -> ChildStatus {
    let ready = |known: &&Known<'_>| {
        let healthy = runs(known) && known.seen.state.health.ready() == Some(true);
        (healthy && !job) || (completed(known) && !known.old)
    };
    let mut words: Vec<(SmolStr, usize)> = Vec::new();
    for known in all {
        let word = word(known);
        match words.iter_mut().find(|(other, _)| *other == word) {
            Some((_, count)) => *count += 1,
            None => words.push((word, 1)),
        }
    }
    let state: SmolStr = match words.as_slice() {
        [] => "waiting".into(),
        [(word, _)] => word.clone(),
        several => {
            let several = several
                .iter()
                .map(|(word, count)| format!("{count} {word}"));
            several.collect::<Vec<_>>().join(", ").into()
        }
    };
    let unhealthy = all.iter().find_map(|known| match &known.seen.state.health {
        Health::Unhealthy(said) if runs(known) => Some(said.to_string()),
        _ => None,
    });
    let ended = all.iter().find_map(|known| match &known.seen.state.run {
        Run::Exited { exit, .. } if failed(known) => Some(exit.sentence().to_string()),
        _ => None,
    });
    ChildStatus {
        name: ChildName::new(part),
        state: Some(state),
        started: all
            .iter()
            .any(|known| !known.old && !matches!(known.seen.state.run, Run::Created)),
        ready: !all.is_empty() && all.iter().all(ready),
        completed: !all.is_empty() && all.iter().all(|known| completed(known) && !known.old),
        message: unhealthy.or(ended),
    }
}

/// How each service stands, for those that wait for it.
pub(crate) fn standings(children: &[ChildStatus]) -> BTreeMap<String, Standing> {
    let of = |child: &ChildStatus| Standing {
        started: child.started,
        ready: child.ready,
        completed: child.completed,
    };
    children
        .iter()
        .map(|child| (child.name.to_string(), of(child)))
        .collect()
}

/// How the whole is doing.
pub(crate) fn verdict(
    containers: &[Known<'_>],
    children: &[ChildStatus],
    around: Circumstances,
) -> Verdict {
    let left = || {
        let running = containers.iter().filter(|known| runs(known));
        let mut names: Vec<&str> = running.map(|known| known.seen.part.as_str()).collect();
        names.dedup();
        (!names.is_empty()).then(|| names.join(", ").into())
    };
    if let Some(known) = containers.iter().find(|known| failed(known)) {
        let Run::Exited { exit, since, at } = &known.seen.state.run else {
            return Verdict::Nothing;
        };
        let ran = since.zip(*at).map(|(since, at)| at.duration_since(since));
        // An engine's two clocks may differ by a little.
        let ran = ran.filter(jiff::SignedDuration::is_positive);
        let after = ran.map_or_else(String::new, |ran| {
            format!(" after {:.1} s", ran.as_secs_f64())
        });
        return Verdict::Failed {
            id: known.seen.state.id.clone(),
            reason: format_smolstr!("{}: {}{after}", known.seen.part, exit.sentence()),
            exit: Some(exit.clone()),
            at: *at,
            left: left(),
        };
    }
    let sick = containers
        .iter()
        .find_map(|known| match &known.seen.state.health {
            Health::Unhealthy(said) if runs(known) => Some((known, said)),
            _ => None,
        });
    if let Some((known, said)) = sick {
        let reason = format_smolstr!("{}: {said}", known.seen.part);
        if around.been_ready {
            return Verdict::Runs {
                evidence: Some(reason),
            };
        }
        return Verdict::Failed {
            id: known.seen.state.id.clone(),
            reason,
            exit: None,
            at: None,
            left: left(),
        };
    }
    let begun = containers
        .iter()
        .any(|known| !known.old && !matches!(known.seen.state.run, Run::Created));
    if !begun {
        return Verdict::Nothing;
    }
    let last = containers.iter().filter(|known| completed(known));
    let last = last.max_by_key(|known| ended_at(known));
    if let Some(last) = last
        && !around.starting
        && containers.iter().all(completed)
    {
        return Verdict::Over {
            id: last.seen.state.id.clone(),
            at: ended_at(last),
        };
    }
    // Once all is started, one of which there is no container is meant to have none.
    let none = |child: &ChildStatus| child.state.as_deref() == Some("waiting");
    let missing = children
        .iter()
        .filter(|child| !child.ready && (around.starting || !none(child)));
    let missing: Vec<String> = missing
        .map(|child| {
            format!(
                "{} ({})",
                child.name,
                child.state.as_deref().unwrap_or("gone")
            )
        })
        .collect();
    let evidence = match missing.as_slice() {
        [] if around.starting => Some("its start has not ended".into()),
        [] => None,
        missing => Some(format_smolstr!("waits for {}", missing.join(", "))),
    };
    Verdict::Runs { evidence }
}

fn ended_at(known: &Known<'_>) -> Option<Timestamp> {
    match known.seen.state.run {
        Run::Exited { at, .. } => at,
        _ => None,
    }
}

/// Since when the oldest of what runs does so.
pub(crate) fn since(containers: &[Known<'_>]) -> Option<Timestamp> {
    let begun = containers
        .iter()
        .filter_map(|known| match known.seen.state.run {
            Run::Running { since, .. } | Run::Exited { since, .. } if !known.old => since,
            _ => None,
        });
    begun.min()
}
