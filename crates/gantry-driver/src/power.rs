//! Powers that not every backend has.

use camino::Utf8PathBuf;
use futures::future::BoxFuture;
use gantry_core::{ExitStatus, Generation, InstanceId};
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{ChildName, DriverError, FieldChange, Recorded};

/// A connection in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// The size of a terminal in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

/// A command to run in an instance while someone watches.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecRequest {
    /// In which instance.
    pub instance: InstanceId,
    /// Which start of it.
    pub generation: Generation,
    /// In which of its parts.
    pub child: Option<ChildName>,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Variables on top.
    pub env: Vec<(String, String)>,
    /// A terminal of this size, or none.
    pub terminal: Option<TerminalSize>,
}

/// A command that runs.
pub struct ExecProcess {
    /// Its input, and its output (with a terminal: both outputs).
    pub io: Box<dyn Duplex>,
    /// Its error output, if there is no terminal.
    pub stderr: Option<Box<dyn AsyncRead + Send + Unpin>>,
    /// Tells it another size. Does nothing without a terminal.
    pub resize: Box<dyn Fn(TerminalSize) + Send + Sync>,
    /// Its end.
    pub exit: BoxFuture<'static, Result<ExitStatus, DriverError>>,
}

/// Runs commands in instances.
pub trait Exec: Send + Sync {
    /// Run it.
    fn exec(&self, request: ExecRequest) -> BoxFuture<'_, Result<ExecProcess, DriverError>>;
}

/// An instance whose own input and output someone joins.
#[derive(Debug, Clone, PartialEq)]
pub struct AttachRequest {
    /// Which instance.
    pub instance: InstanceId,
    /// Which start of it.
    pub generation: Generation,
    /// Which of its parts; the driver chooses one if it is open.
    pub child: Option<ChildName>,
    /// The size of the terminal of whoever joins, if they have one.
    pub terminal: Option<TerminalSize>,
    /// Whether what it printed last comes first, as far as the backend remembers it.
    pub recent: bool,
}

/// Joins an instance's own input and output.
///
/// Several may have joined one at the same time; all see the same. Dropping what is given leaves the
/// instance as it is. Its end ends the output, and then `exit` tells how. If the way to it breaks, the
/// output ends too, and `exit` is the error.
pub trait Attach: Send + Sync {
    /// Join it. An instance that cannot be joined (it does not run, or not so that it could) is an error of
    /// kind *permanent*, whose reason says what would help.
    fn attach(&self, request: AttachRequest) -> BoxFuture<'_, Result<ExecProcess, DriverError>>;
}

/// A port to connect to through the backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialRequest {
    /// Of which instance.
    pub instance: InstanceId,
    /// Of which of its parts; the driver chooses a ready one if it is open.
    pub child: Option<ChildName>,
    /// The port's number or name.
    pub port: String,
}

/// Opens connections to ports that cannot be reached directly.
pub trait Dial: Send + Sync {
    /// Connect.
    fn dial(&self, request: DialRequest) -> BoxFuture<'_, Result<Box<dyn Duplex>, DriverError>>;
}

/// One generated file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedFile {
    /// Where it belongs, below the service's folder for generated files.
    pub path: Utf8PathBuf,
    /// What is in it.
    pub text: String,
}

/// Shows the files that are generated for an instance.
pub trait Render: Send + Sync {
    /// All files, without writing any.
    fn render(
        &self,
        instance: InstanceId,
        from: Recorded,
    ) -> BoxFuture<'_, Result<Vec<RenderedFile>, DriverError>>;
}

/// Shows what would change in the backend, which may have changed by other hands.
pub trait Preview: Send + Sync {
    /// The changes that a start or update from this would make now.
    fn preview(
        &self,
        instance: InstanceId,
        from: Recorded,
    ) -> BoxFuture<'_, Result<Vec<FieldChange>, DriverError>>;
}

/// A revision that an instance has, or has had, in its backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastRevision {
    /// Its number: it grows with each.
    pub number: u32,
    /// What became of it, in the words of the backend.
    pub state: String,
    /// Whether it is the one that counts now.
    pub current: bool,
    /// Whether one can go back to it: it worked once.
    pub worked: bool,
    /// When it was made, or came to its state.
    pub at: Option<Timestamp>,
    /// What it is made of, with its version.
    pub of: String,
    /// The version of what is in that.
    pub app_version: Option<String>,
    /// What the backend says of it.
    pub description: Option<String>,
}

/// Tells what instances have been. Going back is an update
/// ([`UpdateRequest::back_to`](crate::UpdateRequest::back_to)).
pub trait History: Send + Sync {
    /// All revisions that are kept, oldest first.
    fn history<'a>(
        &'a self,
        instance: &'a InstanceId,
    ) -> BoxFuture<'a, Result<Vec<PastRevision>, DriverError>>;
}
