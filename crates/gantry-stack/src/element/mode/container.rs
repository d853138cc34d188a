//! One container of Docker or Podman.

use serde_json::{Map, Value, json};

use super::super::scalar::{ENGINE, PORT, SIZE};
use super::super::{Element, Field, Kind, Names, field};
use super::ulimits::ULIMITS;
use crate::decode::Decoder;
use crate::diagnostic::Diagnostic;
use crate::node::Node;

/// `[services.NAME.container]`.
pub static CONTAINER: Element = Element::new(
    "container",
    "One container of Docker or Podman. The service's `ports` are those at which it listens inside.",
    FIELDS,
)
.one_of(&[&["image", "build"]]);

const FIELDS: &[Field] = &[
    field(
        "image",
        Kind::Template,
        "The image; with `build`, what the built one is called.",
    ),
    field(
        "build",
        Kind::Element(&BUILD),
        "How the image is built. A text alone is the folder.",
    ),
    field(
        "name",
        Kind::Template,
        "What the container is called in the engine, where there can be only one of that name; a name of the stack's own if absent.",
    ),
    field(
        "engine",
        Kind::Scalar(&ENGINE),
        "Which engine runs it: `auto` (the one that answers, Docker first), `docker`, `podman`, or an address.",
    )
    .default("\"auto\""),
    field("pull", Kind::Word(PULL), "When the image is fetched.").default("\"missing\""),
    field(
        "platform",
        Kind::Template,
        "The platform of the image, such as `linux/arm64`.",
    ),
    field(
        "command",
        Kind::Command,
        "The arguments, in place of the image's own.",
    ),
    field(
        "entrypoint",
        Kind::Command,
        "The program, in place of the image's own.",
    ),
    field(
        "env",
        Kind::Map(Names::Variable, &Kind::Secretive),
        "Its environment in this mode, over the service's own.",
    ),
    field("folder", Kind::Template, "The working folder inside."),
    field(
        "user",
        Kind::Template,
        "The user inside, by name or number, with `:GROUP` if needed.",
    ),
    field(
        "volumes",
        Kind::OneOrMany(const { &Kind::Element(&VOLUME) }),
        "Folders, files and named volumes that it sees.",
    ),
    field(
        "tmpfs",
        Kind::OneOrMany(&Kind::Template),
        "Folders inside that are kept in memory.",
    ),
    field(
        "publish",
        Kind::Map(Names::Plain, const { &Kind::Scalar(&PORT) }),
        "Ports of this machine for the service's ports, by their names. Those that are not named get a free one.",
    ),
    field(
        "networks",
        Kind::OneOrMany(&Kind::Template),
        "Further networks of the engine, beside the stack's own.",
    ),
    field(
        "hosts",
        Kind::Map(Names::Free, &Kind::Template),
        "Addresses of host names, as seen inside.",
    ),
    field(
        "labels",
        Kind::Map(Names::Free, &Kind::Template),
        "Labels, beside gantry's own.",
    ),
    field(
        "devices",
        Kind::OneOrMany(&Kind::Template),
        "Devices of this machine that it may use.",
    ),
    field(
        "gpus",
        Kind::Template,
        "Graphics processors: `all`, or how many.",
    ),
    field(
        "shm-size",
        Kind::Scalar(&SIZE),
        "The size of its shared memory.",
    ),
    field(
        "ulimits",
        Kind::Element(&ULIMITS),
        "Limits of each process in it.",
    ),
    field(
        "read-only",
        Kind::Bool,
        "Whether its own files cannot be changed.",
    )
    .default("false"),
    field(
        "tty",
        Kind::Bool,
        "Whether it has a terminal of its own, which `gantry attach` joins.",
    )
    .default("false"),
    field(
        "init",
        Kind::Bool,
        "Whether a small init collects its orphans.",
    )
    .default("false"),
    field(
        "privileged",
        Kind::Bool,
        "Whether it may do what the machine's root may.",
    )
    .default("false"),
    field(
        "cap-add",
        Kind::OneOrMany(&Kind::Text),
        "Capabilities beyond the engine's default.",
    ),
    field(
        "cap-drop",
        Kind::OneOrMany(&Kind::Text),
        "Capabilities of the engine's default that it lacks.",
    ),
    field(
        "files",
        Kind::OneOrMany(&Kind::Path),
        "Files and folders of this machine that must exist before it starts.",
    ),
];

const PULL: &[(&str, &str)] = &[
    ("missing", "only if the engine does not have it"),
    ("always", "at every start"),
    (
        "never",
        "never; it is an error if the engine does not have it",
    ),
];

/// `build` of a container.
pub static BUILD: Element =
    Element::new("build", "How an image is built.", BUILD_FIELDS).short("context");

const BUILD_FIELDS: &[Field] = &[
    field(
        "context",
        Kind::Path,
        "The folder that is sent to the engine.",
    )
    .required(),
    field(
        "file",
        Kind::Template,
        "The Dockerfile, from the context; `Dockerfile` if absent.",
    ),
    field("target", Kind::Template, "The stage to stop at."),
    field(
        "args",
        Kind::Map(Names::Variable, &Kind::Template),
        "Values of the Dockerfile's `ARG`s. They stay in the image: no place for a secret.",
    ),
    field(
        "cache",
        Kind::Bool,
        "Whether steps that the engine has built before are taken from it.",
    )
    .default("true"),
    field(
        "cache-from",
        Kind::OneOrMany(&Kind::Template),
        "Images whose steps count as built before, too.",
    ),
];

/// An entry of `volumes`.
pub static VOLUME: Element = Element::new(
    "volume",
    "A folder or file of this machine, or a named volume, that a container sees. A text alone is `SOURCE:TARGET`, with `:ro` if it cannot be changed.",
    VOLUME_FIELDS,
)
.short("volume")
.exclusive(&[&["volume", "path"], &["volume", "name"], &["path", "name"], &["volume", "target"]])
.one_of(&[&["volume", "path", "name"]])
.finish(finish_volume);

const VOLUME_FIELDS: &[Field] = &[
    field(
        "volume",
        Kind::Text,
        "`SOURCE:TARGET` or `SOURCE:TARGET:ro`. A source that begins with `.`, `/` or `~` is a path, any other a name.",
    ),
    field("path", Kind::Path, "A folder or file of this machine."),
    field(
        "name",
        Kind::Template,
        "A named volume of the engine, which is the stack's own.",
    ),
    field("target", Kind::Template, "Where it is inside."),
    field(
        "read-only",
        Kind::Bool,
        "Whether it cannot be changed from inside.",
    )
    .default("false"),
];

fn finish_volume(
    decoder: &mut Decoder<'_>,
    node: &Node,
    mut map: Map<String, Value>,
) -> Option<Value> {
    let written = node.at(["volume"]).unwrap_or(node);
    let Some(Value::String(short)) = map.shift_remove("volume") else {
        if !map.contains_key("target") {
            let wrong = Diagnostic::error("missing-key", node.span, "a volume lacks `target`");
            decoder.complain(wrong.hint("it says where the volume is inside the container"));
            return None;
        }
        return Some(Value::Object(map));
    };
    let mut parts = short.split(':');
    let (source, target, options) = (parts.next(), parts.next(), parts.next());
    let read_only = match options {
        None | Some("rw") => false,
        Some("ro") => true,
        Some(other) => {
            let wrong = format!("`{other}` says nothing about a volume");
            let wrong = Diagnostic::error("bad-volume", written.span, wrong);
            decoder.complain(wrong.expected("`ro`, `rw` or nothing after the target"));
            return None;
        }
    };
    let (source, target) = (source.unwrap_or_default(), target.unwrap_or_default());
    if source.is_empty() || !target.starts_with('/') || parts.next().is_some() {
        let wrong = format!("`{short}` is no volume");
        let wrong = Diagnostic::error("bad-volume", written.span, wrong);
        decoder.complain(wrong.expected("`SOURCE:/TARGET`, such as \"data:/var/lib/data\""));
        return None;
    }
    if source.starts_with(['.', '/']) {
        let path = decoder.sources.resolve(written.span, source);
        map.insert("path".into(), path.into_string().into());
    } else if source.starts_with('~') {
        map.insert("path".into(), source.into());
    } else {
        map.insert("name".into(), source.into());
    }
    map.insert("target".into(), target.into());
    if read_only {
        map.insert("read-only".into(), json!(true));
    }
    Some(Value::Object(map))
}
