//! The verbs that change what runs.

use clap::Args;
use clap_complete::ArgValueCandidates;
use gantry_api::OperationOptions;

use super::arguments::{Limit, services_of_the_stack};
use super::{FileArgs, HowToRender, ModelArgs};

/// Start services with what they depend on, and wait until they are ready.
///
/// Without -d the services' logs follow until Ctrl-C, which takes the stack down in order; a second
/// one kills. Nothing of it is left when the terminal goes away.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own, and most combinations make sense"
)]
pub(crate) struct UpArgs {
    /// The services; else all that start by themselves.
    #[arg(value_name = "SERVICE", add = ArgValueCandidates::new(services_of_the_stack))]
    pub(crate) services: Vec<String>,
    /// Return as soon as everything is ready, and leave it running.
    #[arg(short, long)]
    pub(crate) detach: bool,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    /// How long to wait for everything to be ready, such as 90s; each service has its own
    /// `start-timeout` besides.
    #[arg(long, value_name = "DURATION")]
    pub(crate) timeout: Option<Limit>,
    /// Return as soon as the start has begun. Needs -d.
    #[arg(long, requires = "detach")]
    pub(crate) no_wait: bool,
    /// Build images whatever there is. Without it they are built when a folder changed that they are built from.
    #[arg(long, conflicts_with = "no_build")]
    pub(crate) build: bool,
    /// Build nothing: what was built last is used.
    #[arg(long)]
    pub(crate) no_build: bool,
    /// Only tell what would be done.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) render: HowToRender,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

/// Stop everything in order, and leave nothing but logs and history.
#[derive(Debug, Args)]
pub(crate) struct DownArgs {
    /// Remove logs, history and data too: what was made for the stack in its backends, such as volumes and
    /// built images.
    #[arg(long)]
    pub(crate) purge: bool,
    /// Kill what has not ended by then, such as 30s; else each service has its own grace.
    #[arg(long, value_name = "DURATION")]
    pub(crate) timeout: Option<Limit>,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

/// Take the stack down, and remove what gantry wrote into its build folder.
#[derive(Debug, Args)]
pub(crate) struct CleanArgs {
    #[command(flatten)]
    pub(crate) discard: DiscardArgs,
    #[command(flatten)]
    pub(crate) down: DownArgs,
}

/// What goes besides, only of what was made for the stack.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct DiscardArgs {
    /// Remove images too that were built for the stack. Those that were fetched stay.
    #[arg(long)]
    pub(crate) images: bool,
    /// Remove volumes too that were made for the stack.
    #[arg(long)]
    pub(crate) volumes: bool,
}

/// Clean, then render anew, build the images of templates anew, and bring the stack up.
#[derive(Debug, Args)]
pub(crate) struct RebuildArgs {
    #[command(flatten)]
    pub(crate) discard: DiscardArgs,
    #[command(flatten)]
    pub(crate) up: UpArgs,
}

/// How long an operation is waited for.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct WaitArgs {
    /// How long to wait until everything is ready.
    #[arg(long, value_name = "DURATION")]
    pub(crate) timeout: Option<Limit>,
    /// Return as soon as it has begun.
    #[arg(long)]
    pub(crate) no_wait: bool,
}

impl WaitArgs {
    /// As the wire has it.
    pub(crate) fn put_into(self, options: &mut OperationOptions) {
        options.wait = !self.no_wait;
        options.timeout_ms = self.timeout.map(Limit::milliseconds);
    }
}

/// Start services of a stack that is up, with what they depend on.
#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// The services.
    #[arg(value_name = "SERVICE", required = true, add = ArgValueCandidates::new(services_of_the_stack))]
    pub(crate) services: Vec<String>,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

/// Stop services, unless something that runs depends on them.
#[derive(Debug, Args)]
pub(crate) struct StopArgs {
    /// The services.
    #[arg(value_name = "SERVICE", required = true, add = ArgValueCandidates::new(services_of_the_stack))]
    pub(crate) services: Vec<String>,
    /// Stop what depends on them first.
    #[arg(long, conflicts_with = "force")]
    pub(crate) cascade: bool,
    /// Stop them whatever depends on them.
    #[arg(long)]
    pub(crate) force: bool,
    /// Only tell what would be done.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

/// Tell services to read their configuration again, as their `reload` says.
#[derive(Debug, Args)]
pub(crate) struct ReloadArgs {
    /// The services; else all that run and have a `reload`.
    #[arg(value_name = "SERVICE", add = ArgValueCandidates::new(services_of_the_stack))]
    pub(crate) services: Vec<String>,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

/// Stop services and start them again.
#[derive(Debug, Args)]
pub(crate) struct RestartArgs {
    /// The services; else all.
    #[arg(value_name = "SERVICE", add = ArgValueCandidates::new(services_of_the_stack))]
    pub(crate) services: Vec<String>,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

/// Take a release back to an earlier revision, and wait until it is ready.
///
/// The stack file says what it said: the next `up` goes by it again.
#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// The service.
    #[arg(value_name = "SERVICE", add = ArgValueCandidates::new(services_of_the_stack))]
    pub(crate) service: String,
    /// The revision; else the last one before this that worked. `gantry history` tells which there are.
    #[arg(value_name = "REVISION")]
    pub(crate) revision: Option<u32>,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}
