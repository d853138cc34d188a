//! Names of signals.

use serde_json::Value;

use super::{Problem, Scalar};
use crate::nearest::did_you_mean;
use crate::node::{self, Node};

/// A signal by name or number; the name without `SIG` in the model.
pub static SIGNAL: Scalar = Scalar {
    name: "signal",
    expected: "a signal such as \"TERM\"",
    schema: r#"{"anyOf":[{"type":"string"},{"type":"integer","minimum":1,"maximum":31}]}"#,
    example: "\"INT\"",
    parse,
};

/// The signals of Linux in the order of their numbers, from 1.
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

fn parse(node: &Node) -> Result<Value, Problem> {
    match &node.value {
        node::Value::Int(number) => usize::try_from(*number)
            .ok()
            .and_then(|number| NAMES.get(number.checked_sub(1)?))
            .map(|name| Value::from(*name))
            .ok_or_else(|| Problem::value(format!("{number} is no signal"))),
        node::Value::Str(text) => {
            let upper = text.trim().to_ascii_uppercase();
            let name = upper.strip_prefix("SIG").unwrap_or(&upper);
            if NAMES.contains(&name) {
                return Ok(Value::from(name));
            }
            let problem = Problem::value(format!("`{text}` is no signal"));
            Err(match did_you_mean(name, NAMES) {
                Some(hint) => problem.hint(hint),
                None => problem,
            })
        }
        _ => Err(Problem::Kind),
    }
}
