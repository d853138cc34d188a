//! A Compose project, or part of one.

use super::super::{Element, Field, Kind, Names, field};
use super::ENGINES;

/// `[services.NAME.compose]`.
pub static COMPOSE: Element = Element::new(
    "compose",
    "A Compose project, or part of one, through the Compose command that is installed. A text alone is its file.",
    FIELDS,
)
.short("files");

const FIELDS: &[Field] = &[
    field("files", Kind::OneOrMany(&Kind::Path), "Its files, each over the ones before.").required(),
    field("services", Kind::OneOrMany(&Kind::Text), "The services of the project that this one stands for; all if absent."),
    field("project", Kind::Template, "The project's name; one of the stack's own if absent."),
    field("folder", Kind::Path, "Where the files' relative paths start; the folder of the first file if absent."),
    field("profiles", Kind::OneOrMany(&Kind::Text), "The project's profiles to activate."),
    field("env-files", Kind::OneOrMany(&Kind::Path), "Files with variables for the project's `${}`."),
    field("env", Kind::Map(Names::Variable, &Kind::Secretive), "Variables for the project's `${}`, over those of the service."),
    field("engine", Kind::Word(ENGINES), "Which engine runs it.").default("\"auto\""),
    field("build", Kind::Bool, "Whether images are built before every start.").default("false"),
    field("pull", Kind::Word(PULL), "When images are fetched.").default("\"policy\""),
    field("remove-orphans", Kind::Bool, "Whether containers of services that the files no longer have are removed.").default("true"),
    field(
        "wait",
        Kind::Bool,
        "Whether it is ready once Compose calls its containers running or healthy. If not, the service's own probes alone decide.",
    )
    .default("true"),
];

const PULL: &[(&str, &str)] = &[
    ("policy", "as the files say"),
    ("missing", "only if the engine does not have them"),
    ("always", "at every start"),
    ("never", "never"),
];
