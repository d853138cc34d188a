//! The command check: a program that is healthy when it ends with 0.
//!
//! Whoever can start programs runs it, with [`CommandCheck::argv`], and asks [`CommandCheck::judge`]
//! about its end.

use std::time::Duration;

use crate::outcome::{Outcome, spoken};

/// A program with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandCheck {
    /// The program and its arguments.
    pub argv: Vec<String>,
}

/// How the program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandEnd {
    /// With this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It did not end in time, and was ended.
    TimedOut(Duration),
    /// It could not be started, or its end is not known, for this reason.
    Unknown(String),
}

impl CommandCheck {
    /// What is asked: the program's name.
    pub fn what(&self) -> String {
        self.argv.first().cloned().unwrap_or_default()
    }

    /// What the end of the program says. `output` is what it wrote: its last line goes into the
    /// evidence.
    pub fn judge(&self, end: &CommandEnd, output: &[String]) -> Outcome {
        let what = self.what();
        let line = output.iter().rev().find(|line| !line.trim().is_empty());
        let said = line.map_or_else(String::new, |line| format!(": {}", line.trim()));
        match end {
            CommandEnd::Code(0) => Outcome::healthy(format!("{what} ended with 0{said}")),
            CommandEnd::Code(code) => Outcome::unhealthy(format!("{what} ended with {code}{said}")),
            CommandEnd::Signal(signal) => {
                Outcome::unhealthy(format!("{what} was ended by signal {signal}{said}"))
            }
            CommandEnd::TimedOut(after) => Outcome::unhealthy(format!(
                "{what} did not end within {}{said}",
                spoken(*after)
            )),
            CommandEnd::Unknown(reason) => Outcome::unhealthy(format!("{what}: {reason}")),
        }
    }
}
