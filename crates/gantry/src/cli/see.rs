//! The verbs that only look.

use std::net::IpAddr;

use camino::Utf8PathBuf;
use clap::{Args, Subcommand, ValueEnum};
use clap_complete::ArgValueCandidates;

use super::arguments::{Moment, PortPair, Seat, ports, services_of_the_stack, variable};
use super::{FileArgs, LongFileArgs, ModelArgs};
use crate::verbs::DetachKeys;

/// Show the services and their states; -o wide shows more of each.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// The services; else all.
    #[arg(value_name = "SERVICE", add = ArgValueCandidates::new(services_of_the_stack))]
    pub(crate) services: Vec<String>,
    /// Also read what the services use of the machine; -o wide always does.
    #[arg(long)]
    pub(crate) usage: bool,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

/// Show what services print, merged in the order of time.
///
/// Works when the stack is down too.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own, and all combinations make sense"
)]
pub(crate) struct LogsArgs {
    /// The services; else all.
    #[arg(value_name = "SERVICE", add = ArgValueCandidates::new(services_of_the_stack))]
    pub(crate) services: Vec<String>,
    /// Go on with what comes.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Only the last lines.
    #[arg(long, value_name = "LINES")]
    pub(crate) tail: Option<usize>,
    /// Only from then on: 10m (ago), 14:30, 2026-11-21T10:00:00Z.
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<Moment>,
    /// Only until then.
    #[arg(long, value_name = "WHEN")]
    pub(crate) until: Option<Moment>,
    /// Only lines that match this regular expression.
    #[arg(long, value_name = "REGEX")]
    pub(crate) grep: Option<regex::Regex>,
    /// Whatever the case of its letters.
    #[arg(short, long, requires = "grep")]
    pub(crate) ignore_case: bool,
    /// Only lines that do not match.
    #[arg(long, requires = "grep")]
    pub(crate) invert: bool,
    /// How times are shown: short, full (with date and zone) or utc.
    #[arg(
        long,
        value_name = "FORM",
        default_value = "short",
        hide_possible_values = true,
        hide_default_value = true
    )]
    pub(crate) time: TimeForm,
    /// The services' own text, without times and names.
    #[arg(long)]
    pub(crate) raw: bool,
    #[command(flatten)]
    pub(crate) files: LongFileArgs,
}

/// How times are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TimeForm {
    /// The local time of day.
    Short,
    /// Date, time and zone.
    Full,
    /// The same in UTC.
    Utc,
}

/// Show what up would do, and why.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The services; else all that start by themselves.
    #[arg(value_name = "SERVICE", add = ArgValueCandidates::new(services_of_the_stack))]
    pub(crate) services: Vec<String>,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

/// Draw what depends on what, with the states.
#[derive(Debug, Args)]
pub(crate) struct GraphArgs {
    /// The service at the top; else all that nothing depends on.
    #[arg(value_name = "SERVICE", add = ArgValueCandidates::new(services_of_the_stack))]
    pub(crate) service: Option<String>,
    /// Draw what depends on a service instead of what it depends on.
    #[arg(long)]
    pub(crate) reverse: bool,
    /// Draw the objects that services in clusters consist of instead: what refers to what.
    #[arg(long, conflicts_with = "reverse")]
    pub(crate) manifests: bool,
    /// Draw it as mermaid, dot or svg.
    #[arg(long, value_name = "FORMAT", hide_possible_values = true)]
    pub(crate) format: Option<DrawingFormat>,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

/// How a graph is drawn for other programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DrawingFormat {
    /// Text that Markdown renderers draw.
    Mermaid,
    /// Text that Graphviz draws.
    Dot,
    /// A picture.
    Svg,
}

/// Join the terminal of a service: type to it, and see what it prints.
///
/// Ctrl-P Ctrl-Q leaves, and the service goes on. A process has a terminal with `tty = true`.
#[derive(Debug, Args)]
pub(crate) struct AttachArgs {
    /// The service, or one instance of it: api, api/2.
    #[arg(value_name = "SERVICE[/INSTANCE]", add = ArgValueCandidates::new(services_of_the_stack))]
    pub(crate) seat: Seat,
    /// Only look on: nothing is typed, and Ctrl-C leaves.
    #[arg(long)]
    pub(crate) no_stdin: bool,
    /// The keys that leave, such as ctrl-a,d; none if empty.
    #[arg(
        long,
        value_name = "KEYS",
        default_value = "ctrl-p,ctrl-q",
        env = "GANTRY_DETACH_KEYS",
        hide_env_values = true
    )]
    pub(crate) detach_keys: DetachKeys,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

/// Run a command in a running container of a service; its exit code is this one's.
///
/// It gets a terminal if standard input and output are one. Ctrl-C ends it.
#[derive(Debug, Args)]
pub(crate) struct ExecArgs {
    /// The service, or one instance of it: api, api/2.
    #[arg(value_name = "SERVICE[/INSTANCE]", add = ArgValueCandidates::new(services_of_the_stack))]
    pub(crate) seat: Seat,
    /// Without a terminal, whatever standard input and output are.
    #[arg(short = 'T', long)]
    pub(crate) no_tty: bool,
    /// A variable for it.
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = variable)]
    pub(crate) env: Vec<(String, String)>,
    /// Program and arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

/// Open ways from this machine to ports of a service in a cluster, until Ctrl-C.
///
/// The stack file's own `forward` needs no command: this is for one at hand.
#[derive(Debug, Args)]
pub(crate) struct ForwardArgs {
    /// The service, or a part of it: api, api/service/web, api/deployment/web.
    #[arg(value_name = "SERVICE[/PART]", add = ArgValueCandidates::new(services_of_the_stack))]
    pub(crate) service: String,
    /// Ports: LOCAL:REMOTE, REMOTE alone for the same one here, or :REMOTE for a free one. REMOTE is a number or a name.
    #[arg(required = true, value_name = "PORTS", value_parser = ports)]
    pub(crate) ports: Vec<PortPair>,
    /// The address to listen at; that of this machine itself, in both families, if absent.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) address: Option<IpAddr>,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

/// Print the addresses at which services are reached from here.
#[derive(Debug, Args)]
pub(crate) struct UrlArgs {
    /// The service; all that have an address if none is named.
    #[arg(value_name = "SERVICE", add = ArgValueCandidates::new(services_of_the_stack))]
    pub(crate) service: Option<String>,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

/// Tell why a service is not ready: the chain of causes, with the evidence.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The service.
    #[arg(value_name = "SERVICE", add = ArgValueCandidates::new(services_of_the_stack))]
    pub(crate) service: String,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

/// Show the revisions of a release that the cluster keeps.
#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// The service.
    #[arg(value_name = "SERVICE", add = ArgValueCandidates::new(services_of_the_stack))]
    pub(crate) service: String,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

/// Show what releases tell their users: the notes of their charts.
#[derive(Debug, Args)]
pub(crate) struct NotesArgs {
    /// Only those of these services.
    #[arg(value_name = "SERVICE", add = ArgValueCandidates::new(services_of_the_stack))]
    pub(crate) services: Vec<String>,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

/// Write all that one looks at afterwards into a folder: logs, events, states, causes, and what backends know.
///
/// Works when the stack is down too. Secrets are not among it, but for what services print.
#[derive(Debug, Args)]
pub(crate) struct DumpArgs {
    /// The folder; it is made, or is empty.
    #[arg(value_name = "FOLDER", value_hint = clap::ValueHint::DirPath)]
    pub(crate) folder: Utf8PathBuf,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

/// Show what happened; -o json prints one object a line.
#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    /// Only events of these services.
    #[arg(value_name = "SERVICE", add = ArgValueCandidates::new(services_of_the_stack))]
    pub(crate) services: Vec<String>,
    /// Go on with what happens.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Only the last events.
    #[arg(long, value_name = "EVENTS")]
    pub(crate) tail: Option<usize>,
    #[command(flatten)]
    pub(crate) files: LongFileArgs,
}

/// Show the last start as a chart: who waited for whom, and what made it take so long.
///
/// Works when the stack is down too. `*` marks the critical chain: the service that was ready last, who released it,
/// and so on.
#[derive(Debug, Args)]
pub(crate) struct TimelineArgs {
    /// Only these services, with those that held them up; else all. It is the last start in which one of them had
    /// to start.
    #[arg(value_name = "SERVICE", add = ArgValueCandidates::new(services_of_the_stack))]
    pub(crate) services: Vec<String>,
    /// An earlier start, by the number of its operation.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) operation: Option<u64>,
    /// Draw it as svg.
    #[arg(long, value_name = "FORMAT", hide_possible_values = true)]
    pub(crate) format: Option<ChartFormat>,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

/// How a chart is drawn for other programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ChartFormat {
    /// A picture.
    Svg,
}

/// Tell everything that is wrong with the stack file and its templates.
#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

/// Show what this machine offers each mode, why that was chosen, and what the stack lacks.
///
/// Works where there is no stack file, too; with one, the exit code is 3 if something that it needs is missing.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

/// Show what `up` would change in clusters: object by object, field by field.
///
/// The cluster is asked, and nothing is changed in it. Secrets are dots.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The services; else all that run in a cluster.
    #[arg(value_name = "SERVICE", add = ArgValueCandidates::new(services_of_the_stack))]
    pub(crate) services: Vec<String>,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

/// Write the files that templates become into the build folder, and start nothing.
///
/// Only what changed is written. `up` does the same before it starts anything.
#[derive(Debug, Args)]
pub(crate) struct RenderArgs {
    #[command(flatten)]
    pub(crate) how: HowToRender,
    /// Only tell what would be written.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the objects that services in clusters consist of, as the cluster would be given them. Writes nothing.
    #[arg(long)]
    pub(crate) manifests: bool,
    /// Print the values that Helm releases end up with, and where each was written. Writes nothing, and asks no cluster.
    #[arg(long)]
    pub(crate) show_values: bool,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

/// How templates are rendered.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct HowToRender {
    /// A Python package for every service with a template: a wheel, or a folder that one is built from.
    #[arg(long = "local-package", value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    pub(crate) packages: Vec<Utf8PathBuf>,
    /// Replace files in the build folder that gantry did not write.
    #[arg(long)]
    pub(crate) replace: bool,
    /// Whether images are built whatever the engine has.
    #[arg(skip)]
    pub(crate) build: bool,
}

/// Print a stack file that is made from another tool's file; what has no equivalent stands in it as a comment.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// What the file is: compose (its services become containers) or config (a config.yml of templates).
    #[arg(value_name = "KIND", hide_possible_values = true)]
    pub(crate) kind: ImportKind,
    /// The file.
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) file: Utf8PathBuf,
    /// Write it to this new file instead.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) to: Option<Utf8PathBuf>,
}

/// What is imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportKind {
    /// A Compose file.
    Compose,
    /// A `config.yml`.
    Config,
}

/// Look at the configuration.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) verb: ConfigVerb,
}

/// The verbs of `config`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigVerb {
    /// Show the stack as it is after all files, variables and defaults.
    Show {
        /// Say where each value came from.
        #[arg(long)]
        origins: bool,
        #[command(flatten)]
        model: ModelArgs,
        #[command(flatten)]
        files: FileArgs,
    },
}

/// Print the completions for a shell, with the names of services
///
/// bash: source <(gantry completions bash)
/// zsh:  source <(gantry completions zsh)
/// fish: gantry completions fish | source
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_parser = ["bash", "zsh", "fish", "elvish", "powershell"])]
    pub(crate) shell: String,
}
