//! What can be typed: types for clap, and nothing else.

mod arguments;
mod run;
mod see;

use camino::Utf8PathBuf;
use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use arguments::{Limit, PortPair, Seat};
pub(crate) use run::{
    CleanArgs, DiscardArgs, DownArgs, RebuildArgs, ReloadArgs, RestartArgs, RollbackArgs,
    StartArgs, StopArgs, UpArgs,
};
pub(crate) use see::{
    AttachArgs, CompletionsArgs, ConfigArgs, ConfigVerb, DiffArgs, DoctorArgs, DrawingFormat,
    DumpArgs, EventsArgs, ExecArgs, ExplainArgs, ForwardArgs, GraphArgs, HistoryArgs, HowToRender,
    ImportArgs, ImportKind, LogsArgs, NotesArgs, PlanArgs, RenderArgs, StatusArgs, TimeForm,
    TimelineArgs, UrlArgs, ValidateArgs,
};

/// One service manager for every way a service can run.
#[derive(Debug, Parser)]
#[command(
    name = "gantry",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    infer_subcommands = false,
    max_term_width = 100,
    after_help = EXIT_CODES
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) files: FileArgs,
    /// How results are printed: table, wide, json or yaml.
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "table",
        hide_possible_values = true,
        hide_default_value = true
    )]
    pub(crate) output: Format,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    failed: a service failed, or what was asked may not be done now
  2    wrong usage, or a wrong stack file
  3    pre-flight: something is missing on this machine, nothing was started
  4    not ready in time
  5    no supervisor: the stack is not up
  130  interrupted";

/// Which stack file.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct FileArgs {
    /// The stack file, else gantry.toml or gantry.yaml in this folder or above it. Given again, later
    /// files lie over earlier ones.
    #[arg(short = 'f', long = "file", value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) files: Vec<Utf8PathBuf>,
}

/// The same for verbs whose `-f` means `--follow`.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct LongFileArgs {
    /// The stack file, else gantry.toml or gantry.yaml in this folder or above it. Given again, later
    /// files lie over earlier ones.
    #[arg(long = "file", value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) files: Vec<Utf8PathBuf>,
}

/// Which services exist, and how each runs.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ModelArgs {
    /// Run services in this mode, or one service: `--mode process`, `--mode api=process`.
    #[arg(long = "mode", value_name = "[SERVICE=]MODE")]
    pub(crate) modes: Vec<String>,
    /// Take the services of this profile too.
    #[arg(long = "profile", value_name = "NAME")]
    pub(crate) profiles: Vec<String>,
    /// Set a value of Helm releases, over all files: `--set-value image.tag=1.4`, or of one service:
    /// `--set-value api:image.tag=1.4`.
    #[arg(long = "set-value", value_name = "[SERVICE:]NAME=VALUE")]
    pub(crate) values: Vec<String>,
    /// A further values file for Helm releases, over the stack file's values: `--values ci.yaml`, or for one
    /// service: `--values api:ci.yaml`.
    #[arg(long = "values", value_name = "[SERVICE:]FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) values_files: Vec<String>,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For people with wide terminals.
    Wide,
    /// For programs.
    Json,
    /// For programs and people.
    Yaml,
}

/// The verbs, in the order of the help.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Up(UpArgs),
    Down(DownArgs),
    Clean(CleanArgs),
    Rebuild(RebuildArgs),
    Start(StartArgs),
    Stop(StopArgs),
    Restart(RestartArgs),
    Reload(ReloadArgs),
    Rollback(RollbackArgs),
    Status(StatusArgs),
    Logs(LogsArgs),
    Attach(AttachArgs),
    Exec(ExecArgs),
    Forward(ForwardArgs),
    Url(UrlArgs),
    Explain(ExplainArgs),
    Events(EventsArgs),
    Timeline(TimelineArgs),
    History(HistoryArgs),
    Notes(NotesArgs),
    Plan(PlanArgs),
    Diff(DiffArgs),
    Graph(GraphArgs),
    Render(RenderArgs),
    Validate(ValidateArgs),
    Doctor(DoctorArgs),
    Dump(DumpArgs),
    /// Show every stack of this user, with its state and file.
    Ls,
    Config(ConfigArgs),
    Import(ImportArgs),
    /// Print the JSON Schema of stack files.
    Schema,
    Completions(CompletionsArgs),
    /// Print the reference of the command line, in Markdown.
    #[command(name = "__reference", hide = true)]
    Reference,
}
