//! What is looked at before anything is started.
//!
//! A pre-flight asks [`Question`]s: may these services start as far as this subject goes? A registry of
//! [`Check`]s answers them, each check the subjects that it knows. All questions are asked, and all
//! that is missing is told at once: nobody wants to learn of the second missing program after having
//! installed the first.
//!
//! A new kind of subject is a variant of [`Subject`]; a new check is a file below this one and a line
//! in [`Registry::standard`].

mod account;
mod backend;
mod listen;
mod needs;
mod path;
mod port;
mod process;
mod program;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use futures::future::{BoxFuture, join_all};
use gantry_api::PreflightFailure;
use gantry_core::ServiceName;
use gantry_driver::{Driver, HostJobs, Missing, Need, StackIdentity};
use smol_str::SmolStr;

pub use needs::{Known, Lacking, UNKNOWN, lacking, specifications};

/// What a question is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// Something that a driver said it needs.
    Need(Need),
    /// A port that a service will listen at.
    Port {
        /// Its name in the stack file.
        name: String,
        /// Its number; never 0.
        number: u16,
    },
    /// A port that nobody may listen at while the service runs.
    ConflictingPort(u16),
    /// A program that may not run while the service runs.
    ConflictingProcess(String),
}

/// One thing to look at, for those who need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Who needs it.
    pub services: Vec<ServiceName>,
    /// What is needed.
    pub subject: Subject,
    /// What of the service needs it, if that is not the service's own process: `hooks.pre-start`.
    pub place: Option<SmolStr>,
    /// Whether they start without it all the same.
    pub advisory: bool,
}

impl Question {
    /// What is missing, with the place that needs it.
    fn placed(&self, missing: Missing) -> Missing {
        match &self.place {
            Some(place) => Missing {
                reason: format!("`{place}`: {}", missing.reason),
                ..missing
            },
            None => missing,
        }
    }
}

/// What checks may rely on.
pub struct Surroundings {
    /// The variable `PATH` of the environment that `up` was given.
    pub path: String,
    /// The drivers, for what only they can look at.
    pub drivers: Vec<Arc<dyn Driver>>,
    /// The stack.
    pub stack: StackIdentity,
    /// The way to run commands on this machine.
    pub host: Arc<dyn HostJobs>,
}

/// One kind of look.
pub trait Check: Send + Sync {
    /// Its name, in one word: what reports call it.
    fn name(&self) -> &'static str;

    /// Whether it knows this subject.
    fn knows(&self, subject: &Subject) -> bool;

    /// Look. Only asked for subjects that it knows.
    fn look<'a>(
        &'a self,
        subject: &'a Subject,
        around: &'a Surroundings,
    ) -> BoxFuture<'a, Result<(), Missing>>;
}

/// Something that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Who cannot start because of it.
    pub services: Vec<ServiceName>,
    /// The check that found it.
    pub check: &'static str,
    /// What is missing.
    pub missing: Missing,
    /// Whether they start all the same: this is a warning.
    pub advisory: bool,
}

impl Finding {
    /// The finding as one line: who starts without what.
    pub fn warning(&self) -> String {
        const NAMED: usize = 3;
        let names = self.services.iter().take(NAMED).map(ServiceName::as_str);
        let mut who = names.collect::<Vec<_>>().join(", ");
        if self.services.len() > NAMED {
            who = format!("{who} and {} more", self.services.len() - NAMED);
        }
        format!("{who}: {}", self.missing.reason)
    }

    /// The finding as clients get it, one record for each service.
    pub fn failures(&self) -> impl Iterator<Item = PreflightFailure> + '_ {
        self.services.iter().map(|service| PreflightFailure {
            service: Some(service.to_string()),
            check: self.check.to_owned(),
            message: self.missing.reason.clone(),
            hint: self.missing.hint.clone(),
        })
    }
}

/// All checks.
pub struct Registry {
    checks: Vec<Box<dyn Check>>,
}

impl Registry {
    /// The checks that gantry has.
    pub fn standard() -> Self {
        Self {
            checks: vec![
                Box::new(program::Program),
                Box::new(path::Path),
                Box::new(account::Account),
                Box::new(port::Port),
                Box::new(listen::Listen),
                Box::new(process::Process),
                Box::new(backend::Backend),
            ],
        }
    }

    /// Ask all of these at once, and tell what is missing, in the order of the questions.
    pub async fn run(&self, questions: &[Question], around: &Surroundings) -> Vec<Finding> {
        let asked = questions.iter().flat_map(|question| {
            let checks = self.checks.iter();
            checks
                .filter(|check| check.knows(&question.subject))
                .map(move |check| async move {
                    let answer = check.look(&question.subject, around).await;
                    answer.err().map(|missing| Finding {
                        services: question.services.clone(),
                        check: check.name(),
                        missing: question.placed(missing),
                        advisory: question.advisory,
                    })
                })
        });
        join_all(asked).await.into_iter().flatten().collect()
    }
}

/// An answer that was found without waiting.
fn now<'a>(answer: Result<(), Missing>) -> BoxFuture<'a, Result<(), Missing>> {
    Box::pin(std::future::ready(answer))
}

/// The short form of an error of the system: without its number.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().collect::<String>() + letters.as_str()
    })
}
