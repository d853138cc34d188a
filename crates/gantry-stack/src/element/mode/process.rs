//! A native process on this machine.

use serde_json::{Map, Value, json};

use super::super::scalar::{SIZE, UMASK};
use super::super::{Element, Field, Kind, Names, field};
use crate::decode::Decoder;
use crate::node::Node;

/// `[services.NAME.process]`.
pub static PROCESS: Element = Element::new(
    "process",
    "A native process on this machine, under gantry's own supervision.",
    FIELDS,
)
.exclusive(&[&["command", "shell"]])
.one_of(&[&["command", "shell"]])
.finish(finish);

/// One entry of `sockets`.
static SOCKET: Element = Element::new(
    "socket",
    "A socket that gantry opens once, passes to every instance (`LISTEN_FDS`, `LISTEN_FDNAMES`), and keeps open over restarts. \
     A text alone is `listen`.",
    &[
        field(
            "listen",
            Kind::Template,
            "A port of the service by name, a number on 127.0.0.1, `ADDRESS:PORT`, or the path of a Unix socket, with a `/` in it.",
        )
        .required(),
        field("datagram", Kind::Bool, "Whether it is for datagrams; if not, for connections.")
            .default("false"),
    ],
)
.short("listen");

const FIELDS: &[Field] = &[
    field("command", Kind::Command, "The program and its arguments, as a list. No shell is involved."),
    field("shell", Kind::Template, "A line for `/bin/sh -c`, in place of `command`."),
    field("folder", Kind::Path, "Where it runs; the folder of the file it is written in if absent."),
    field("user", Kind::Template, "The user it runs as, by name or number."),
    field("group", Kind::Template, "The group it runs as, by name or number; the user's own if absent."),
    field("groups", Kind::List(&Kind::Template), "Further groups; those of the user if absent."),
    field("umask", Kind::Scalar(&UMASK), "The mask of the files it makes, in octal digits."),
    field("env", Kind::Map(Names::Variable, &Kind::Secretive), "Its environment in this mode, over the service's own."),
    field("inherit-env", Kind::Bool, "Whether it begins with the environment that `up` was given. If not, with `PATH` and `HOME` alone.")
        .default("true"),
    field("stop-command", Kind::Command, "What asks it to end in this mode, over `stop.command` of the service."),
    field("files", Kind::OneOrMany(&Kind::Path), "Files and folders that must exist before it starts."),
    field(
        "sockets",
        Kind::Map(Names::Plain, const { &Kind::Element(&SOCKET) }),
        "Sockets that are opened for it and passed in, by name. With them replicas may share a fixed port.",
    ),
    field("tty", Kind::Bool, "Whether its standard streams are a terminal of its own, which `gantry attach` joins. Output and errors are one stream then.")
        .default("false"),
    field("nice", Kind::Integer(-20, 19), "How much it leaves to others."),
    field("scheduling", Kind::Word(POLICIES), "How it shares processors with others.").default("\"other\""),
    field("priority", Kind::Integer(1, 99), "Its priority among real-time processes; 1 if absent. For `fifo` and `rr` alone."),
    field("oom-score", Kind::Integer(-1000, 1000), "How willingly the kernel kills it when memory is short."),
    field("core", Kind::Scalar(&SIZE), "The largest core file."),
    field("capabilities", Kind::List(&Kind::Template), "The only capabilities that it keeps, as in `net-bind-service`; all that its user would have if absent. A user other than root is given them."),
    field("drop-capabilities", Kind::List(&Kind::Template), "Capabilities that it, and all that it starts, never have."),
    field("no-new-privileges", Kind::Bool, "Whether no program that it runs can give it more than it has (`setuid`).").default("false"),
    field("private-tmp", Kind::Bool, "Whether its `/tmp` and `/var/tmp` are its own: empty, and in memory.").default("false"),
    field("read-only-paths", Kind::OneOrMany(&Kind::Path), "Files and folders that it can only read. They must exist."),
];

/// The kernel's scheduling policies.
const POLICIES: &[(&str, &str)] = &[
    ("other", "the usual one"),
    ("batch", "for what computes long"),
    ("idle", "only when nobody else wants to run"),
    ("fifo", "real time, until it waits"),
    ("rr", "real time, in turns"),
];

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is a last step as others are, which can fail"
)]
fn finish(decoder: &mut Decoder<'_>, node: &Node, mut map: Map<String, Value>) -> Option<Value> {
    if let Some(line) = map.shift_remove("shell") {
        map.insert("command".into(), json!(["/bin/sh", "-c", line]));
    }
    if !map.contains_key("folder") {
        let folder = decoder.sources.folder(node.span).as_str();
        map.insert("folder".into(), folder.into());
    }
    Some(Value::Object(map))
}
