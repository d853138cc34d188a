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
    field("nice", Kind::Integer(-20, 19), "How much it leaves to others."),
    field("oom-score", Kind::Integer(-1000, 1000), "How willingly the kernel kills it when memory is short."),
    field("core", Kind::Scalar(&SIZE), "The largest core file."),
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
