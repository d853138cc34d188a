//! A Compose project, or part of one.

use serde_json::{Map, Value, json};

use super::super::scalar::ENGINE;
use super::super::{Element, Field, Kind, Names, field};
use crate::decode::Decoder;
use crate::diagnostic::Diagnostic;
use crate::node::Node;

/// `[services.NAME.compose]`.
pub static COMPOSE: Element = Element::new(
    "compose",
    "A Compose project, or part of one, through the Compose command that is installed. A text alone is its file.",
    FIELDS,
)
.short("files")
.one_of(&[&["files", "template"]])
.exclusive(&[&["files", "template"], &["services", "template"], &["folder", "template"]]);

/// `template`: a file that is rendered first.
pub static TEMPLATE: Element = Element::new(
    "template",
    "A file in Jinja2's language that becomes the service's Compose file, and what goes into the build folder with it. All services \
     with templates are one Compose project and reach each other by name. A text alone is the file.",
    &[
        field("file", Kind::Path, "The template, such as `services/db/docker-compose.yml.j2`. Files beside it are copied.").required(),
        field("copy-src", Kind::Bool, "Whether the stack's folder `src` is copied too, as `repo_src`.").default("false"),
        field(
            "ignore",
            Kind::OneOrMany(&Kind::Text),
            "What is not copied from `src`, by the rules of a `.gitignore`; below those of a `.gantryignore` beside the stack file.",
        ),
        field("additional-dirs", Kind::OneOrMany(const { &Kind::Element(&COPY) }), "Further folders and files to copy."),
        field("kernel-templates", Kind::Bool, "Whether every `kernel.json.j2` below the template's folder is rendered too.").default("false"),
        field(
            "config",
            Kind::Text,
            "What the stack's own configuration is called beside the rendered file: one file, in which every `${}` stays as it is. \
             If absent, there is none.",
        ),
    ],
)
.short("file");

/// One of `additional-dirs`.
pub static COPY: Element = Element::new(
    "additional-dirs",
    "A folder or file that is copied into the build folder. A text alone is the source.",
    &[
        field("source", Kind::Path, "The folder or file.").required(),
        field("to", Kind::Text, "Where it goes, below the service's own build folder; as the source is written if absent."),
    ],
)
.short("source")
.finish(destination);

/// Puts in where a copy goes.
fn destination(
    decoder: &mut Decoder<'_>,
    node: &Node,
    mut map: Map<String, Value>,
) -> Option<Value> {
    if !map.contains_key("to") {
        let written = node.at(["source"]).unwrap_or(node);
        let Some(text) = written.as_str() else {
            let wrong = Diagnostic::error("wrong-kind", written.span, "this is no path");
            decoder.complain(wrong.expected("a path"));
            return None;
        };
        map.insert("to".to_owned(), json!(text));
    }
    Some(Value::Object(map))
}

const FIELDS: &[Field] = &[
    field("files", Kind::OneOrMany(&Kind::Path), "Its files, each over the ones before."),
    field("template", Kind::Element(&TEMPLATE), "In place of `files`: the template that its file is rendered from."),
    field("services", Kind::OneOrMany(&Kind::Text), "The services of the project that this one stands for; all if absent."),
    field("project", Kind::Template, "The project's name; one of the stack's own if absent."),
    field("folder", Kind::Path, "Where the files' relative paths start; the folder of the first file if absent."),
    field("profiles", Kind::OneOrMany(&Kind::Text), "The project's profiles to activate."),
    field("env-files", Kind::OneOrMany(&Kind::Path), "Files with variables for the project's `${}`."),
    field("env", Kind::Map(Names::Variable, &Kind::Secretive), "Variables for the project's `${}`, over those of the service."),
    field(
        "engine",
        Kind::Scalar(&ENGINE),
        "Which engine runs it: `auto` (the one that answers, Docker first), `docker`, `podman`, or an address.",
    )
    .default("\"auto\""),
    field("build", Kind::Bool, "Whether images are built before every start.").default("false"),
    field("pull", Kind::Word(PULL), "When images are fetched.").default("\"policy\""),
    field("remove-orphans", Kind::Bool, "Whether containers of services that the files no longer have are removed.").default("false"),
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
