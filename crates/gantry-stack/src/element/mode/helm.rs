//! A Helm release.

use serde_json::{Map, Value};
use smol_str::SmolStr;

use super::super::scalar::{DURATION, EXPRESSION};
use super::super::{Element, Field, Kind, Names, field};
use crate::decode::Decoder;
use crate::diagnostic::Diagnostic;
use crate::layer::values::steps;
use crate::node::{Key, Node};

/// `[services.NAME.helm]`.
pub static HELM: Element = Element::new(
    "helm",
    "A Helm release, made by the `helm` program and watched in the cluster. A text alone is the chart.",
    FIELDS,
)
.short("chart")
.finish(finish);

const STUCK: &[(&str, &str)] = &[
    ("fail", "It is told."),
    ("rollback", "It goes back to what was deployed last."),
    ("reinstall", "It is uninstalled, and installed anew."),
];

/// About one object.
const WHEN: Kind = Kind::Scalar(&EXPRESSION);

const FIELDS: &[Field] = &[
    field(
        "chart",
        Kind::Template,
        "The chart: a folder or an archive whose path begins with `.` or `/`, `REPOSITORY/NAME`, `https://…`, or `oci://…`.",
    )
    .required(),
    field(
        "version",
        Kind::Template,
        "The chart's version, or a range of versions; the newest if absent. What it comes to is kept until this is changed.",
    ),
    field(
        "release",
        Kind::Template,
        "The release's name; the service's if absent.",
    ),
    field(
        "context",
        Kind::Template,
        "The context of the configuration file; the stack's, then the current one, if absent.",
    ),
    field(
        "kubeconfig",
        Kind::Path,
        "The configuration file; the stack's, then the usual one, if absent.",
    ),
    field(
        "namespace",
        Kind::Template,
        "The namespace; the stack's, then the context's, if absent.",
    ),
    field(
        "settle",
        Kind::Scalar(&DURATION),
        "How long a pod without a readiness probe must have run before it counts as ready.",
    )
    .default("\"2s\""),
    field(
        "ready-when",
        Kind::Map(Names::Object, &WHEN),
        "When objects are ready, by `KIND/NAME` (with `*` and `?`), as an expression in CEL about `self`.",
    ),
    field(
        "create-namespace",
        Kind::Bool,
        "Whether the namespace is made if it is not there.",
    )
    .default("false"),
    field(
        "values-files",
        Kind::OneOrMany(&Kind::Path),
        "Files with values, each over the ones before.",
    ),
    field(
        "values",
        Kind::Map(Names::Free, &Kind::Any),
        "Values, over those of the files. Dots in a name lead into mappings, as in Helm's `--set`; `\\.` is a dot.",
    ),
    field(
        "adopt",
        Kind::Bool,
        "Whether a release of this name that something else made is taken over. Without it, it is refused.",
    )
    .default("false"),
    field(
        "on-stuck",
        Kind::Word(STUCK),
        "What is done about a release that another helm has left half done.",
    )
    .default("\"fail\""),
    field(
        "reuse",
        Kind::Bool,
        "Whether values that were given before, and are not given now, stay.",
    )
    .default("false"),
    field(
        "labels",
        Kind::Map(Names::Free, &Kind::Template),
        "Labels of the release.",
    ),
    field(
        "timeout",
        Kind::Scalar(&DURATION),
        "How long one step of Helm may take: a hook. Without it, `start-timeout` alone decides.",
    ),
    field("hooks", Kind::Bool, "Whether the chart's hooks run.").default("true"),
    field(
        "crds",
        Kind::Bool,
        "Whether the chart's own resource definitions are installed.",
    )
    .default("true"),
    field(
        "update-dependencies",
        Kind::Bool,
        "Whether the charts that it depends on are fetched first.",
    )
    .default("false"),
    field(
        "rollback-on-failure",
        Kind::Bool,
        "Whether a failed upgrade is taken back.",
    )
    .default("false"),
    field(
        "history",
        Kind::Integer(0, 10_000),
        "How many revisions are kept; 0 keeps all.",
    )
    .default("10"),
    field(
        "post-renderer",
        Kind::Command,
        "A command that changes the manifests on their way; with Helm 4, the name of a plug-in with its arguments.",
    ),
];

fn finish(decoder: &mut Decoder<'_>, node: &Node, mut map: Map<String, Value>) -> Option<Value> {
    if let Some(Value::String(chart)) = map.get_mut("chart") {
        let span = node.at(["chart"]).map_or(node.span, |node| node.span);
        if chart == "." || chart == ".." || chart.starts_with("./") || chart.starts_with("../") {
            *chart = decoder.sources.resolve(span, chart).into_string();
        } else if !chart.contains('/') {
            // Helm takes it for a folder below wherever it runs.
            let wrong = format!("`{chart}` is neither a path nor a repository's chart");
            let wrong = Diagnostic::error("bad-chart", span, wrong);
            decoder.complain(wrong.hint(format!(
                "a folder is `./{chart}`, a repository's chart `REPOSITORY/{chart}`"
            )));
            return None;
        }
    }
    if let Some(Value::Object(values)) = map.remove("values") {
        let written = node.at(["values"]).and_then(Node::as_map)?;
        let mut nested = Map::with_capacity(values.len());
        let mut whole = true;
        for (name, value) in values {
            let key = &written.entry(&name)?.key;
            whole &= put(decoder, &mut nested, &steps(&name), value, key);
        }
        if !whole {
            return None;
        }
        map.insert("values".into(), Value::Object(nested));
    }
    Some(Value::Object(map))
}

/// Puts a value where its names lead, and merges mappings that are there.
fn put(
    decoder: &mut Decoder<'_>,
    into: &mut Map<String, Value>,
    steps: &[SmolStr],
    value: Value,
    key: &Key,
) -> bool {
    let (step, deeper) = match steps {
        [step, deeper @ ..] if !step.is_empty() => (step, deeper),
        _ => {
            let wrong = format!("`{}` has an empty name in it", key.name);
            decoder.error("bad-name", key.span, wrong);
            return false;
        }
    };
    match (into.get_mut(step.as_str()), value) {
        (None, value) if deeper.is_empty() => {
            into.insert(step.to_string(), value);
            true
        }
        (None, value) => {
            let mut inner = Map::new();
            let fits = put(decoder, &mut inner, deeper, value, key);
            into.insert(step.to_string(), Value::Object(inner));
            fits
        }
        (Some(Value::Object(inner)), value) if !deeper.is_empty() && !is_marker(inner) => {
            put(decoder, inner, deeper, value, key)
        }
        (Some(Value::Object(inner)), Value::Object(more))
            if !is_marker(inner) && !is_marker(&more) =>
        {
            more.into_iter().fold(true, |fits, (name, value)| {
                put(decoder, inner, &[name.into()], value, key) && fits
            })
        }
        (Some(_), _) => {
            let wrong = format!("`{}` is given twice, once by another spelling", key.name);
            let wrong = Diagnostic::error("conflicting-values", key.span, wrong);
            decoder.complain(wrong.hint("write a value either as `a.b = …` or inside `a`"));
            false
        }
    }
}

/// Whether a mapping stands for a reference or a secret.
fn is_marker(map: &Map<String, Value>) -> bool {
    map.keys().any(|key| key.starts_with('$'))
}
