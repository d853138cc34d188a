//! Which container engine.

use serde_json::Value;

use super::{Problem, Scalar};
use crate::nearest::did_you_mean;
use crate::node::{self, Node};

/// An engine by its name or by its address.
pub static ENGINE: Scalar = Scalar {
    name: "engine",
    expected: "an engine such as \"docker\" or \"unix:///run/podman/podman.sock\"",
    schema: r#"{"type":"string","anyOf":[{"enum":["auto","docker","podman"]},{"pattern":"^(unix|tcp)://."}]}"#,
    example: "\"podman\"",
    parse,
};

/// `auto` is the one that answers, Docker first.
const NAMES: [&str; 3] = ["auto", "docker", "podman"];

fn parse(node: &Node) -> Result<Value, Problem> {
    let node::Value::Str(text) = &node.value else {
        return Err(Problem::Kind);
    };
    let address = ["unix://", "tcp://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    match address {
        Some("") => Err(Problem::value(format!("`{text}` is no address"))),
        Some(at) if text.starts_with("unix://") && !at.starts_with('/') => {
            let problem = Problem::value(format!("`{text}` is no absolute path"));
            Err(problem.hint(format!("three slashes: unix:///{at}")))
        }
        Some(at) if text.starts_with("tcp://") && !at.contains(':') => {
            let problem = Problem::value(format!("`{text}` names no port"));
            Err(problem.hint(format!("tcp://{at}:2375, for example")))
        }
        Some(_) => Ok(Value::from(text.as_str())),
        None if NAMES.contains(&text.as_str()) => Ok(Value::from(text.as_str())),
        None => {
            let problem = Problem::value(format!("`{text}` is no engine"));
            Err(match did_you_mean(text, NAMES) {
                Some(hint) => problem.hint(hint),
                None => problem.hint("auto, docker, podman, or an address: unix://… or tcp://…"),
            })
        }
    }
}
