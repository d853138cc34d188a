//! One suite that every driver runs.
//!
//! A driver's tests implement [`Harness`], which knows how to write specifications of that mode, and
//! pass it to [`run`]. What a mode cannot do is said by its capabilities, or by the harness having no
//! recipe for it; those cases count as skipped, by name. Every case has a stack of its own, and beyond
//! what it looks for itself, each is checked for the rule that every effect ends exactly once.
//!
//! ```no_run
//! # use gantry_driver::conformance::{self, Harness};
//! # async fn example(harness: impl Harness) {
//! conformance::run(&harness).await.assert_passed();
//! # }
//! ```

mod adopting;
mod attaching;
mod bench;
mod commands;
mod describing;
mod reading;
mod starting;
mod stopping;
mod working;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::LocalBoxFuture;
use serde_json::Value;

use crate::{Driver, OpenContext, Settings};
use bench::Bench;

pub use commands::Commands;

/// What an instance that a case needs should do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipe {
    /// It runs until it is stopped, and stops at once when asked.
    RunsForever,
    /// The same, with something in it different that cannot be changed while it runs.
    RunsForeverOtherwise,
    /// The same, with something in it different that can.
    RunsForeverAdjusted,
    /// It ends at once with this code.
    ExitsWith(i32),
    /// It ends with code 0 after this time.
    RunsFor(Duration),
    /// It runs until it is killed.
    IgnoresStop,
    /// It cannot be started.
    FailsToStart,
    /// Starting takes this long.
    StartsAfter(Duration),
    /// It prints these lines, then runs until it is stopped.
    Prints(Vec<String>),
    /// It prints these lines, then ends with this code.
    PrintsAndExits(Vec<String>, i32),
    /// The backend says that it is ready after a while.
    BecomesReady,
    /// It has a part of this name.
    HasChild(String),
    /// It can be joined. It prints `ready`, answers each line `X` with `got X`, and ends with code 7 at the
    /// line `end`.
    Answers,
}

/// What a command that a case needs should do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobRecipe {
    /// It ends with this code.
    ExitsWith(i32),
    /// It prints this line.
    Prints(String),
    /// It runs this long.
    RunsFor(Duration),
    /// It cannot be started.
    FailsToStart,
}

/// What the suite must know of a mode.
pub trait Harness {
    /// The driver.
    fn driver(&self) -> Arc<dyn Driver>;

    /// How to open a session for the stack of this name. The same name must mean the same stack in the
    /// same backend; different names, different stacks in the same backend if that can be.
    fn context(&self, stack: &str) -> LocalBoxFuture<'_, OpenContext>;

    /// A specification that does this; `None` if the mode cannot.
    fn recipe(&self, recipe: &Recipe) -> Option<Value>;

    /// A command that does this; `None` if the mode cannot.
    fn job(&self, recipe: &JobRecipe) -> Option<Vec<String>>;

    /// The parts of an instance that are not the mode's own.
    fn settings(&self) -> Settings {
        Settings::default()
    }

    /// Whether two stacks share a backend, so that one could touch the other's instances.
    fn shares_backend(&self) -> bool {
        true
    }

    /// Make the backend of this stack unreachable, or reachable again. False if that cannot be done.
    fn set_reachable(&self, stack: &str, reachable: bool) -> LocalBoxFuture<'_, bool> {
        let _ = (stack, reachable);
        Box::pin(std::future::ready(false))
    }

    /// How many cases may run at the same time: each has a stack of its own.
    fn at_once(&self) -> usize {
        1
    }

    /// How many instances are many: that they start at the same time counts, and less so how many they are.
    fn many(&self) -> u16 {
        20
    }

    /// How long anything may take before it counts as never happening.
    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }
}

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// As it should.
    Passed,
    /// The mode cannot do what it needs.
    Skipped(String),
    /// Otherwise.
    Failed(String),
}

/// One case with its verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseReport {
    /// Its name.
    pub name: &'static str,
    /// How it ended.
    pub verdict: Verdict,
    /// How long it took.
    pub took: Duration,
}

/// All cases with their verdicts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The mode.
    pub mode: String,
    /// The cases in the order in which they were run.
    pub cases: Vec<CaseReport>,
}

impl Report {
    /// The names of the cases that were skipped.
    pub fn skipped(&self) -> Vec<&'static str> {
        self.named(|verdict| matches!(verdict, Verdict::Skipped(_)))
    }

    /// The names of the cases that failed.
    pub fn failed(&self) -> Vec<&'static str> {
        self.named(|verdict| matches!(verdict, Verdict::Failed(_)))
    }

    /// Panics with the whole report if a case failed.
    pub fn assert_passed(&self) {
        assert!(self.failed().is_empty(), "{self}");
    }

    fn named(&self, of: impl Fn(&Verdict) -> bool) -> Vec<&'static str> {
        let cases = self.cases.iter().filter(|case| of(&case.verdict));
        cases.map(|case| case.name).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "conformance of mode {}", self.mode)?;
        for case in &self.cases {
            let (name, took) = (case.name, case.took.as_secs_f64());
            match &case.verdict {
                Verdict::Passed => writeln!(f, "  passed   {name} ({took:.1} s)")?,
                Verdict::Skipped(reason) => writeln!(f, "  skipped  {name}: {reason}")?,
                Verdict::Failed(reason) => {
                    writeln!(f, "  FAILED   {name} ({took:.1} s): {reason}")?;
                }
            }
        }
        let (failed, skipped) = (self.failed().len(), self.skipped().len());
        let passed = self.cases.len() - failed - skipped;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

/// Why a case does not pass.
pub(crate) enum Stop {
    Skip(String),
    Fail(String),
}

pub(crate) type Case = Result<(), Stop>;

pub(crate) fn fail<T>(reason: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Fail(reason.into()))
}

pub(crate) fn skip<T>(reason: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Skip(reason.into()))
}

/// Fails with this text unless it holds.
pub(crate) fn must(holds: bool, otherwise: impl Into<String>) -> Case {
    if holds { Ok(()) } else { fail(otherwise) }
}

impl From<crate::DriverError> for Stop {
    fn from(error: crate::DriverError) -> Self {
        Self::Fail(format!("{}: {error}", error.stage))
    }
}

type Run = for<'a> fn(&'a mut Bench<'_>) -> LocalBoxFuture<'a, Case>;

/// Lists cases by the names of their functions.
macro_rules! cases {
    ($($module:ident::$name:ident),* $(,)?) => {
        const CASES: &[(&str, Run)] = &[
            $((stringify!($name), |bench| Box::pin($module::$name(bench)))),*
        ];
    };
}

cases![
    describing::nonsense_is_refused,
    describing::equal_specifications_do_not_differ,
    describing::a_difference_is_named_with_its_effect,
    describing::a_specification_has_one_target,
    describing::ports_of_this_machine_lead_to_it,
    starting::a_start_is_reported_and_observed,
    starting::the_same_start_twice_starts_once,
    starting::an_older_generation_is_not_started,
    starting::a_start_that_fails_says_why_and_leaves_nothing,
    starting::an_instance_that_ended_starts_again,
    starting::many_start_at_once,
    starting::a_cancelled_start_ends_once,
    starting::exit_statuses_are_told,
    starting::last_words_come_with_the_exit,
    starting::children_show,
    starting::readiness_is_told,
    stopping::a_stop_leaves_nothing,
    stopping::a_stop_of_nothing_ends,
    stopping::a_stop_overtakes_a_start,
    stopping::what_ignores_a_stop_is_killed_after_its_grace,
    stopping::a_kill_overtakes_a_graceful_stop,
    stopping::a_stop_without_a_specification_works,
    stopping::an_update_ends_once,
    stopping::a_change_that_is_asked_for_twice_ends_twice,
    adopting::a_new_session_finds_what_runs,
    adopting::an_adopted_instance_can_be_stopped,
    adopting::an_exit_between_sessions_is_told,
    adopting::another_stack_is_not_touched,
    adopting::a_start_known_to_an_earlier_session_ends,
    adopting::handles_survive_being_written,
    adopting::an_unreachable_backend_kills_nothing,
    reading::output_is_read_from_its_start,
    reading::a_tail_is_the_last_lines,
    reading::a_cursor_goes_on_without_loss_or_double,
    reading::following_waits_for_more,
    reading::output_of_one_that_is_over_is_there,
    attaching::who_joins_sees_and_speaks_until_it_ends,
    attaching::all_who_join_see_the_same,
    attaching::who_leaves_changes_nothing,
    attaching::only_what_runs_is_joined,
    working::a_job_tells_its_exit_status,
    working::a_job_tells_its_output,
    working::a_job_that_cannot_start_is_an_error,
    working::a_job_ends_with_its_time_limit,
    working::a_dropped_job_does_not_hold_up_the_next,
];

/// Runs all cases, as many at the same time as the harness allows.
pub async fn run(harness: &dyn Harness) -> Report {
    run_some(harness, |_| true).await
}

/// Runs the cases whose names are chosen.
pub async fn run_some(harness: &dyn Harness, chosen: impl Fn(&str) -> bool) -> Report {
    let chosen = CASES.iter().filter(|(name, _)| chosen(name));
    let cases = chosen.map(|(name, case)| run_one(harness, name, *case));
    let cases = futures::stream::iter(cases).buffered(harness.at_once());
    Report {
        mode: harness.driver().mode().to_string(),
        cases: cases.collect().await,
    }
}

async fn run_one(harness: &dyn Harness, name: &'static str, case: Run) -> CaseReport {
    let begun = tokio::time::Instant::now();
    let mut bench = Bench::new(harness, name);
    let result = case(&mut bench).await;
    let end = bench.finish().await;
    let verdict = match result.and(end) {
        Ok(()) => Verdict::Passed,
        Err(Stop::Skip(reason)) => Verdict::Skipped(reason),
        Err(Stop::Fail(reason)) => Verdict::Failed(reason),
    };
    CaseReport {
        name,
        verdict,
        took: begun.elapsed(),
    }
}
