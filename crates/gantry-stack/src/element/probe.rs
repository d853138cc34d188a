//! Checks with a threshold.

use serde_json::{Map, Value, json};

use super::scalar::{DURATION, REGEX, SPAN, STATUS};
use super::{Element, Field, Kind, Names, field};
use crate::decode::Decoder;
use crate::node::Node;

/// One probe.
pub static PROBE: Element = Element::new(
    "probe",
    "A check with a threshold. Exactly one of `http`, `tcp`, `command`, `file`, `log`, `grpc`, `notify` and `fd` says what is checked. \
     While a service starts, checks begin at 20 ms and slow down to `interval`.",
    FIELDS,
)
.exclusive(&[CHECKS])
.one_of(&[CHECKS])
.finish(finish);

const CHECKS: &[&str] = &[
    "http", "tcp", "command", "file", "log", "grpc", "notify", "fd",
];

const FIELDS: &[Field] = &[
    field("http", Kind::Element(&HTTP), "A request is answered well. A text alone is the URL."),
    field(
        "tcp",
        Kind::Template,
        "A connection is accepted: the name of a port of the service, a number, or `HOST:PORT`.",
    ),
    field("command", Kind::Command, "A command ends with 0. It runs in the environment of the service."),
    field("file", Kind::Element(&FILE), "A file exists. A text alone is its path."),
    field(
        "log",
        Kind::Scalar(&REGEX),
        "A line of the output since this start matches this regular expression. Not for `liveness`.",
    ),
    field("grpc", Kind::Element(&GRPC), "The gRPC health service answers `SERVING`. A text or number alone is the port."),
    field(
        "notify",
        Kind::Bool,
        "The service says so itself, as `sd_notify` does: `true`. For `liveness` it must say `WATCHDOG=1` every `interval` \
         (`WATCHDOG_USEC`).",
    ),
    field(
        "fd",
        Kind::Integer(3, 1023),
        "The service writes a line to this descriptor (`GANTRY_READY_FD`). Not for `liveness`.",
    ),
    field("interval", Kind::Scalar(&SPAN), "The time between two checks once the service is up.")
        .default("\"10s\""),
    field("timeout", Kind::Scalar(&SPAN), "How long one check may take.").default("\"1s\""),
    field(
        "failures",
        Kind::Integer(1, 10_000),
        "So many failures in a row count. Only after the first success; before it, `start-timeout` decides. With `notify` 1.",
    )
    .default("3"),
    field("successes", Kind::Integer(1, 10_000), "So many successes in a row count.").default("1"),
    field("delay", Kind::Scalar(&DURATION), "The time before the first check.").default("\"0\""),
];

/// `http` of a probe.
pub static HTTP: Element = Element::new(
    "http",
    "What is asked for, and which answer is a good one.",
    &[
        field("url", Kind::Template, "The whole address."),
        field(
            "port",
            Kind::Template,
            "A port of the service, by name or number.",
        ),
        field(
            "path",
            Kind::Template,
            "The path, with `port`. It is `/` if absent.",
        ),
        field(
            "status",
            Kind::OneOrMany(const { &Kind::Scalar(&STATUS) }),
            "The statuses that are good; 200 to 399 if absent.",
        ),
        field(
            "headers",
            Kind::Map(Names::Free, &Kind::Secretive),
            "Headers to send.",
        ),
        field("body", Kind::Text, "A text that the answer must contain."),
        field(
            "tls",
            Kind::Either(&[Kind::Bool, Kind::Element(&TLS)]),
            "Whether and how TLS is spoken, with `port`.",
        ),
    ],
)
.short("url")
.exclusive(&[&["url", "port"], &["url", "path"]])
.one_of(&[&["url", "port"]])
.finish(finish_http);

/// `tls` of a probe.
pub static TLS: Element = Element::new(
    "tls",
    "How TLS is spoken to the service that is checked.",
    &[
        field("verify", Kind::Bool, "Whether the certificate is checked.").default("true"),
        field(
            "ca-file",
            Kind::Path,
            "Certificates to trust, beside the system's.",
        ),
        field(
            "server-name",
            Kind::Text,
            "The name to expect, if it is not the host's.",
        ),
    ],
);

/// `file` of a probe.
pub static FILE: Element = Element::new(
    "file",
    "A file that must exist.",
    &[
        field("path", Kind::Path, "The file.").required(),
        field(
            "max-age",
            Kind::Scalar(&SPAN),
            "It must have changed within this time.",
        ),
        field("contains", Kind::Text, "It must contain this text."),
    ],
)
.short("path");

/// `grpc` of a probe.
pub static GRPC: Element = Element::new(
    "grpc",
    "Which server is asked for its health.",
    &[
        field(
            "port",
            Kind::Template,
            "A port of the service by name, a number, or `HOST:PORT`.",
        )
        .required(),
        field(
            "service",
            Kind::Text,
            "The name to ask for; if absent, the whole server.",
        )
        .default("\"\""),
    ],
)
.short("port");

fn finish(decoder: &mut Decoder<'_>, node: &Node, mut map: Map<String, Value>) -> Option<Value> {
    let key = CHECKS.iter().find(|key| map.contains_key(**key))?;
    let value = map.shift_remove(*key)?;
    let inner = match *key {
        "tcp" => json!({ "address": value }),
        "command" => json!({ "command": value }),
        "log" => json!({ "pattern": value }),
        "fd" => json!({ "fd": value }),
        "notify" if value == Value::Bool(false) => {
            let span = node.at(["notify"]).map_or(node.span, |node| node.span);
            decoder.error(
                "bad-value",
                span,
                "`notify = false` checks nothing; leave the probe out",
            );
            return None;
        }
        "notify" => {
            // One word that does not come in time is enough: that is what a watchdog is for.
            if !map.contains_key("failures") {
                map.insert("failures".into(), json!(1));
            }
            json!({})
        }
        _ => value,
    };
    map.insert("check".into(), json!({ *key: inner }));
    Some(Value::Object(map))
}

fn finish_http(
    decoder: &mut Decoder<'_>,
    node: &Node,
    mut map: Map<String, Value>,
) -> Option<Value> {
    if let Some(text) = map.get("url").and_then(Value::as_str)
        && let Some(wrong) = wrong_url(text)
    {
        let span = node.at(["url"]).unwrap_or(node).span;
        let wrong = crate::diagnostic::Diagnostic::error("bad-url", span, wrong)
            .expected("a URL such as \"http://localhost:8080/healthz\"");
        let hint = (!text.contains([':', '/'])).then(|| {
            format!("for a port of the service, write {{ port = \"{text}\", path = \"/healthz\" }}")
        });
        decoder.complain(wrong.hint_if(hint));
        return None;
    }
    if let Some(path) = map.get("path").and_then(Value::as_str)
        && !path.starts_with('/')
    {
        let path = format!("/{path}");
        map.insert("path".into(), path.into());
    }
    match map.get("tls") {
        Some(Value::Bool(true)) => {
            map.insert("tls".into(), json!({}));
        }
        Some(Value::Bool(false)) => {
            map.shift_remove("tls");
        }
        _ => {}
    }
    Some(Value::Object(map))
}

fn wrong_url(text: &str) -> Option<String> {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    match rest {
        None => Some(format!("`{text}` is no URL")),
        Some(rest) if rest.is_empty() || rest.starts_with(['/', ':']) => {
            Some(format!("`{text}` has no host"))
        }
        Some(_) if text.contains(char::is_whitespace) => {
            Some(format!("`{text}` has a blank in it"))
        }
        Some(_) => None,
    }
}
