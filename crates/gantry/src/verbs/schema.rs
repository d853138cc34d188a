//! `gantry schema`.

use crate::output::Output;

/// The JSON Schema of stack files, made from the descriptions that the decoders use.
pub(crate) fn run(output: &Output) {
    let text = serde_json::to_string_pretty(&gantry_stack::schema::schema()).unwrap_or_default();
    output.results.bytes((text + "\n").as_bytes());
}
