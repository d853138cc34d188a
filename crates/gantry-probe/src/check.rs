//! All kinds of checks behind one type.

use std::time::Duration;

use tokio::time::Instant;

use crate::command::CommandCheck;
use crate::file::FileCheck;
use crate::grpc::GrpcCheck;
use crate::http::HttpCheck;
use crate::log::LogCheck;
use crate::outcome::{Outcome, spoken};
use crate::tcp::TcpCheck;

/// The kinds of checks that a stack file may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An HTTP request.
    Http,
    /// A TCP connection.
    Tcp,
    /// A program that ends well.
    Command,
    /// A file that is there.
    File,
    /// A line of the log that matches.
    Log,
    /// The health service of gRPC.
    Grpc,
    /// A message that the service sends by itself.
    Notify,
    /// A line that the service writes to a descriptor.
    Fd,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Http,
        Self::Tcp,
        Self::Command,
        Self::File,
        Self::Log,
        Self::Grpc,
        Self::Notify,
        Self::Fd,
    ];

    /// The word of stack files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tcp => "tcp",
            Self::Command => "command",
            Self::File => "file",
            Self::Log => "log",
            Self::Grpc => "grpc",
            Self::Notify => "notify",
            Self::Fd => "fd",
        }
    }

    /// Whether it is told by what is checked instead of asked: only a mode that can give an instance
    /// a voice has it.
    pub fn is_told(self) -> bool {
        matches!(self, Self::Notify | Self::Fd)
    }
}

/// One check, with all that it needs.
#[derive(Debug, Clone)]
pub enum Check {
    /// An HTTP request.
    Http(Box<HttpCheck>),
    /// A TCP connection.
    Tcp(TcpCheck),
    /// A file.
    File(FileCheck),
    /// A program. Someone else runs it: see [`crate::command`].
    Command(CommandCheck),
    /// The health service of gRPC.
    Grpc(GrpcCheck),
    /// A line of its output. Someone else reads it: see [`crate::log`].
    Log(LogCheck),
    /// A message that says ready. Someone else hears it.
    Notify,
    /// A line on this descriptor. Someone else reads it.
    Fd(u16),
}

impl Check {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Http(_) => Kind::Http,
            Self::Tcp(_) => Kind::Tcp,
            Self::File(_) => Kind::File,
            Self::Command(_) => Kind::Command,
            Self::Grpc(_) => Kind::Grpc,
            Self::Log(_) => Kind::Log,
            Self::Notify => Kind::Notify,
            Self::Fd(_) => Kind::Fd,
        }
    }

    /// What is asked, in a few words: `GET http://127.0.0.1:8080/healthz`.
    pub fn what(&self) -> String {
        match self {
            Self::Http(check) => check.what(),
            Self::Tcp(check) => check.what(),
            Self::File(check) => check.what(),
            Self::Command(check) => check.what(),
            Self::Grpc(check) => check.what(),
            Self::Log(check) => check.what(),
            Self::Notify => "a message to NOTIFY_SOCKET".to_owned(),
            Self::Fd(fd) => format!("a line on descriptor {fd}"),
        }
    }

    /// Asks once. Ends within `timeout`.
    pub async fn run(&self, timeout: Duration) -> Outcome {
        let begin = Instant::now();
        let late = |what: String| Outcome::unhealthy(format!("{what} within {}", spoken(timeout)));
        let mut outcome = match self {
            Self::Http(check) => {
                let stage = crate::http::Progress::default();
                match tokio::time::timeout(timeout, check.run(&stage)).await {
                    Ok(outcome) => outcome,
                    Err(_) => late(check.lateness(&stage)),
                }
            }
            Self::Tcp(check) => match tokio::time::timeout(timeout, check.run()).await {
                Ok(outcome) => outcome,
                Err(_) => late(format!("no connection to {}", check.address)),
            },
            Self::File(check) => match tokio::time::timeout(timeout, check.run()).await {
                Ok(outcome) => outcome,
                Err(_) => late(format!("no answer about {}", check.path.display())),
            },
            Self::Command(check) => Outcome::unhealthy(format!(
                "{} was not run: nobody here runs programs",
                check.what()
            )),
            Self::Grpc(check) => {
                let connected = std::sync::atomic::AtomicBool::new(false);
                match tokio::time::timeout(timeout, check.run(&connected)).await {
                    Ok(outcome) => outcome,
                    Err(_) => late(check.lateness(&connected)),
                }
            }
            Self::Log(_) | Self::Notify | Self::Fd(_) => Outcome::unhealthy(format!(
                "{} was not awaited: nobody here hears it",
                self.what()
            )),
        };
        outcome.took = begin.elapsed();
        outcome
    }
}
