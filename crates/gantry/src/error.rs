//! Everything that a verb can end with instead of a result, and its exit code.

use std::fmt::Write as _;
use std::io;

use camino::Utf8PathBuf;
use gantry_api::client::ClientError;
use gantry_api::home::{HomeError, StackDir};
use gantry_stack::import::FindError;

use crate::cli::Format;
use crate::output::Output;
use crate::stack_file::Problems;
use crate::style::{Text, Tone};
use crate::timeline::NotFound;
use crate::view::{Data, diagnostics, to_yaml};

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Nobody said which stack, and there is no stack file around, or more than one.
    #[error(transparent)]
    NoStackFile(#[from] FindError),
    /// The named stack file is not there.
    #[error("failed to open the stack file {file}")]
    Unopened {
        /// The file.
        file: Utf8PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The stack file is wrong.
    #[error("the stack file is wrong")]
    StackFile(Problems),
    /// There is no such service.
    #[error("there is no service {name} in the stack {stack}")]
    UnknownService {
        /// What was typed.
        name: String,
        /// The stack.
        stack: String,
        /// The nearest name that there is.
        nearest: Option<String>,
        /// All names.
        known: Vec<String>,
    },
    /// A short name means several services.
    #[error("{name} may be {} in the stack {stack}", candidates.join(" or "))]
    AmbiguousService {
        /// What was typed.
        name: String,
        /// The stack.
        stack: String,
        /// What it may mean.
        candidates: Vec<String>,
    },
    /// What a service consists of cannot be told.
    #[error("failed to render {service}: {reason}")]
    NotRendered {
        /// Which.
        service: String,
        /// Why.
        reason: String,
    },
    /// There is no way back to what was named.
    #[error("{message}")]
    Rollback {
        /// Why.
        message: String,
        /// Whereto there is one.
        hint: String,
    },
    /// The start that was asked for is not known.
    #[error(transparent)]
    NoTimeline(#[from] NotFound),
    /// Nothing says where gantry keeps its files.
    #[error("gantry does not know where to keep its files")]
    Home(#[from] HomeError),
    /// The stack is not up.
    #[error("the stack {stack} is not up")]
    NotUp {
        /// The stack.
        stack: String,
    },
    /// The supervisor has no answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The guard or the supervisor ended at its start.
    #[error("the supervisor did not start")]
    NotStarted {
        /// What they said last.
        said: String,
        /// Where they say it.
        log: Utf8PathBuf,
    },
    /// Services run, and no supervisor takes them down in their order.
    #[error("{count} services still run, {first} among them, and no supervisor can take them down")]
    NotEmpty {
        /// How many.
        count: u64,
        /// One of them.
        first: String,
        /// Where it stands why there is no supervisor.
        log: Utf8PathBuf,
    },
    /// The stack's folder is where nothing can be locked.
    #[error(
        "cannot keep a stack in {dir}: its file system has no locks, and without them two supervisors could keep one stack"
    )]
    NoLocks {
        /// The stack's folder.
        dir: Utf8PathBuf,
    },
    /// Everything is stopped, but gantry's own processes stay.
    #[error("every service is down, but gantry's guard has not ended")]
    NotGone {
        /// The stack's folder.
        dir: Utf8PathBuf,
    },
    /// An operation ended without what was wanted; everything about it has been told.
    #[error("told already")]
    Told {
        /// The exit code.
        exit_code: u8,
    },
    /// The way to a command that runs in an instance broke.
    #[error("failed to stay with the command in {name}: {reason}")]
    CommandLost {
        /// The instance.
        name: String,
        /// What happened.
        reason: String,
    },
    /// Someone interrupted.
    #[error("interrupted")]
    Interrupted,
    /// Something about files.
    #[error("failed to {what}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
}

impl Error {
    /// Something about files.
    pub(crate) fn io(what: impl Into<String>, source: io::Error) -> Self {
        Self::Io {
            what: what.into(),
            source,
        }
    }

    /// The exit code, as `--help` documents it.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::NoStackFile(_)
            | Self::Unopened { .. }
            | Self::StackFile(_)
            | Self::UnknownService { .. }
            | Self::AmbiguousService { .. }
            | Self::NoTimeline(NotFound::Operation { .. }) => 2,
            Self::NotUp { .. } | Self::NotEmpty { .. } => 5,
            Self::NoLocks { .. } | Self::Rollback { .. } => 3,
            Self::Client(error) => match error {
                ClientError::NoSupervisor { .. } | ClientError::NotAnswering { .. } => 5,
                _ => 1,
            },
            Self::Told { exit_code } => *exit_code,
            Self::Interrupted => 130,
            Self::CommandLost { .. }
            | Self::NotRendered { .. }
            | Self::NoTimeline(_)
            | Self::Home(_)
            | Self::NotStarted { .. }
            | Self::NotGone { .. }
            | Self::Io { .. } => 1,
        }
    }

    /// What to do about it.
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoStackFile(_) => "write one, or name it with -f FILE".to_owned(),
            Self::UnknownService {
                nearest: Some(nearest),
                ..
            } => format!("did you mean {nearest}?"),
            Self::AmbiguousService { .. } => "write the whole name".to_owned(),
            Self::UnknownService { known, .. } if known.is_empty() => return None,
            Self::UnknownService { known, .. } => {
                let shown = known.iter().take(10).map(String::as_str);
                let more = if known.len() > 10 { ", …" } else { "" };
                format!("there are {}{more}", shown.collect::<Vec<_>>().join(", "))
            }
            Self::Rollback { hint, .. } => hint.clone(),
            Self::NoTimeline(NotFound::Operation { known, .. }) if known.is_empty() => return None,
            Self::NoTimeline(NotFound::Operation { known, .. }) => {
                let numbers: Vec<String> = known.iter().take(10).map(u64::to_string).collect();
                let more = if known.len() > 10 { ", …" } else { "" };
                format!("there are {}{more}", numbers.join(", "))
            }
            Self::NoTimeline(_) => "bring it up with gantry up -d".to_owned(),
            Self::Home(_) => "set GANTRY_HOME to a folder of your own".to_owned(),
            Self::NoLocks { .. } => "set GANTRY_HOME to a folder on a local disk".to_owned(),
            Self::NotEmpty { .. } => {
                "the guard goes on trying to start one: take away what prevents it, then gantry down".to_owned()
            }
            Self::NotUp { .. } | Self::Client(ClientError::NoSupervisor { .. }) => {
                "bring it up with gantry up -d".to_owned()
            }
            Self::Client(ClientError::NotAnswering { log, .. }) | Self::NotStarted { log, .. } => {
                format!("read {log}")
            }
            Self::Client(ClientError::Refused(body)) => return body.hint.clone(),
            Self::Client(ClientError::Unreadable(_)) => {
                "the supervisor may be of another version: gantry down, then gantry up".to_owned()
            }
            Self::NotGone { dir } => format!("read {dir}/guard.log"),
            _ => return None,
        })
    }

    /// Tell it: for programs as one object on standard output, else on standard error.
    pub(crate) fn show(&self, output: &Output) {
        if let Self::Told { .. } = self {
            return;
        }
        match output.format {
            Format::Json => {
                let text = serde_json::to_string_pretty(&self.value()).unwrap_or_default();
                output.results.bytes((text + "\n").as_bytes());
            }
            Format::Yaml => output.results.bytes(to_yaml(&self.value()).as_bytes()),
            Format::Table | Format::Wide => {
                if let Self::StackFile(problems) = self {
                    diagnostics::show(&problems.0, &output.notes);
                } else {
                    output.notes.lines(&self.lines());
                }
            }
        }
    }

    fn value(&self) -> serde_json::Value {
        if let Self::StackFile(problems) = self
            && let Data::Value(value) = diagnostics::data(&problems.0)
        {
            return value;
        }
        serde_json::json!({ "errors": [{
            "file": null, "line": null, "column": null,
            "message": self.whole(), "hint": self.hint(),
        }] })
    }

    /// The message with its causes.
    fn whole(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            // Some errors repeat their cause in their own words.
            if !text.contains(&cause_text) {
                let _ = write!(text, ": {cause_text}");
            }
            source = cause.source();
        }
        text
    }

    fn lines(&self) -> Vec<Text> {
        let mut lines = vec![Text::of(Tone::Bad, "error: ").plain(self.whole())];
        let said = match self {
            Self::NotStarted { said, .. } => said.clone(),
            Self::NotEmpty { log, .. } | Self::Client(ClientError::NotAnswering { log, .. }) => log
                .parent()
                .map_or_else(String::new, |dir| crate::guard::said(&StackDir::at(dir))),
            _ => String::new(),
        };
        if !said.is_empty() {
            let bar = |line| Text::of(Tone::Dim, "  | ").plain(crate::style::harmless(line));
            lines.extend(said.lines().map(bar));
        }
        if let Some(hint) = self.hint() {
            lines.push(Text::of(Tone::Dim, "hint: ").plain(hint));
        }
        lines
    }
}
