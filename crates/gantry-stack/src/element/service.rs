//! One named thing that can be up or down.

use serde_json::{Map, Value};

use super::mode::{self, NAMES};
use super::scalar::{NAME, PORT, SPAN};
use super::{
    CONFLICT, DEPENDENCY, Element, FORWARD, Field, HOOKS, Kind, LOGS, Names, PROBE, RELOAD,
    RESOURCES, RESTART, STOP, field,
};
use crate::decode::Decoder;
use crate::diagnostic::Diagnostic;
use crate::nearest::did_you_mean;
use crate::node::Node;

/// One `[services.NAME]`.
pub static SERVICE: Element = Element::new(
    "service",
    "One named thing that can be up or down. It offers at least one mode; the name has letters, digits, `-`, `_` and `.`.",
    FIELDS,
)
.finish(finish);

const PROBES: Kind = Kind::OneOrMany(const { &Kind::Element(&PROBE) });

const FIELDS: &[Field] = &[
    field("description", Kind::Text, "One line for people."),
    field("mode", Kind::Word(NAMES), "The mode in which it runs, when it offers several."),
    field("auto-start", Kind::Bool, "Whether a bare `gantry up` starts it.").default("true"),
    field("order", Kind::Integer(-1_000_000, 1_000_000), "Breaks ties among services that may start together: the lower first.")
        .default("0"),
    field(
        "job",
        Kind::Bool,
        "Whether it is meant to end; `up` then waits until it completed. It is one, too, if somebody waits for its `completed`.",
    )
    .default("false"),
    field("depends-on", Kind::OneOrMany(const { &Kind::Element(&DEPENDENCY) }), "What it needs before it may start."),
    field("conflicts-with", Kind::OneOrMany(const { &Kind::Element(&CONFLICT) }), "What may not be up together with it."),
    field("required-for", Kind::OneOrMany(const { &Kind::Scalar(&NAME) }), "The operations that need it, for `gantry preflight --for`."),
    field("profiles", Kind::OneOrMany(const { &Kind::Scalar(&NAME) }), "The profiles it belongs to. It is left out unless one of them is active, it is named, or something needs it."),
    field("ports", Kind::Map(Names::Plain, const { &Kind::Scalar(&PORT) }), "Its ports by name; 0 picks a free one and tells everyone."),
    field("replicas", Kind::Integer(0, 10_000), "How many instances there should be.").default("1"),
    field("start-timeout", Kind::Scalar(&SPAN), "Until it is ready; then it is failed, with the cause.").default("\"60s\""),
    field("restart", Kind::Element(&RESTART), "When and how fast it is started again."),
    field("stop", Kind::Element(&STOP), "How it is stopped."),
    field("hooks", Kind::Element(&HOOKS), "Commands before and after start and stop."),
    field("reload", Kind::Element(&RELOAD), "How it is told to read its configuration again."),
    field("resources", Kind::Element(&RESOURCES), "How much of the machine it may take."),
    field("startup", PROBES, "Until these pass once, the other probes wait."),
    field("readiness", PROBES, "Whether it can be used: what depends on it waits for these."),
    field("liveness", PROBES, "Whether it still lives: it is restarted when these fail."),
    field("logs", Kind::Element(&LOGS), "How its output is kept."),
    field("env", Kind::Map(Names::Variable, &Kind::Secretive), "Its environment."),
    field("env-files", Kind::OneOrMany(&Kind::Path), "Files with `NAME=value` lines that go below `env`."),
    field("forward", Kind::OneOrMany(const { &Kind::Element(&FORWARD) }), "Ways from localhost to it."),
    field("process", Kind::Element(&mode::PROCESS), "It may run as a native process."),
    field("container", Kind::Element(&mode::CONTAINER), "It may run as a container."),
    field("compose", Kind::Element(&mode::COMPOSE), "It may run as a Compose project, or part of one."),
    field("kubernetes", Kind::Element(&mode::KUBERNETES), "It may run in a cluster, from manifests or a kustomization."),
    field("helm", Kind::Element(&mode::HELM), "It may run as a Helm release."),
    field("remote", Kind::Element(&mode::REMOTE), "It may run elsewhere, and is only probed."),
];

fn finish(decoder: &mut Decoder<'_>, node: &Node, mut map: Map<String, Value>) -> Option<Value> {
    let ports: Vec<String> = match map.get("ports") {
        Some(Value::Object(ports)) => ports.keys().cloned().collect(),
        _ => Vec::new(),
    };
    let mut whole = true;
    for role in ["startup", "readiness", "liveness"] {
        for probe in node.at([role]).into_iter().flat_map(each) {
            for path in [
                &["tcp"] as &[&str],
                &["http", "port"],
                &["grpc", "port"],
                &["grpc"],
            ] {
                if let Some(port) = probe.at(path.iter().copied()) {
                    whole &= port_of_probe(decoder, port, &ports);
                }
            }
        }
    }
    whole &= told_once(decoder, node);
    map.insert("origin".into(), decoder.origin(node.span));
    whole.then_some(Value::Object(map))
}

/// The items of a list, or the one that there is.
fn each(node: &Node) -> impl Iterator<Item = &Node> {
    node.as_seq().unwrap_or(std::slice::from_ref(node)).iter()
}

/// Checks the probes that wait for what a service says once: they tell nothing of whether it still
/// lives, and there is one descriptor for it.
fn told_once(decoder: &mut Decoder<'_>, node: &Node) -> bool {
    let mut whole = true;
    for kind in ["fd", "log"] {
        for probe in node.at(["liveness"]).into_iter().flat_map(each) {
            if let Some(at) = probe.at([kind]) {
                let message = format!("`{kind}` is told once, and says nothing about `liveness`");
                let wrong = Diagnostic::error("bad-probe", at.span, message);
                decoder.complain(wrong.hint(
                    "write it below `readiness` or `startup`; `notify = true` is a watchdog",
                ));
                whole = false;
            }
        }
    }
    let roles = ["startup", "readiness"].into_iter();
    let probes = roles.filter_map(|role| node.at([role])).flat_map(each);
    let mut fds = probes.filter_map(|probe| probe.at(["fd"]));
    if let Some(first) = fds.next()
        && let Some(other) = fds.find(|other| other.as_int() != first.as_int())
    {
        let wrong = Diagnostic::error("bad-probe", other.span, "another `fd` than before")
            .also(first.span, "the first is here")
            .hint("a service has one descriptor for this");
        decoder.complain(wrong);
        whole = false;
    }
    whole
}

/// Checks what a probe says of a port: a number, `HOST:PORT`, or a name that the service has.
fn port_of_probe(decoder: &mut Decoder<'_>, node: &Node, ports: &[String]) -> bool {
    if let Some(number) = node.as_int() {
        let fits = (1..=65535).contains(&number);
        if !fits {
            let wrong = Diagnostic::error("bad-port", node.span, format!("{number} is no port"));
            decoder.complain(wrong.expected("a port from 1 to 65535"));
        }
        return fits;
    }
    let Some(text) = node.as_str().filter(|text| !text.contains("{{")) else {
        return true;
    };
    if ports.iter().any(|port| port == text) || text.parse::<u16>().is_ok_and(|port| port > 0) {
        return true;
    }
    let wrong = match text.rsplit_once(':') {
        Some((host, port))
            if !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0) =>
        {
            return true;
        }
        Some((_, port)) => Diagnostic::error("bad-port", node.span, format!("`{port}` is no port"))
            .expected("an address such as \"localhost:5432\""),
        None => {
            let known = ports.iter().map(String::as_str);
            let hint = did_you_mean(text, known).unwrap_or_else(|| match ports {
                [] => format!("add `ports = {{ {text} = 0 }}`, or write a number"),
                ports => format!("its ports are {}", ports.join(", ")),
            });
            let message = format!("the service has no port `{text}`");
            Diagnostic::error("unknown-port", node.span, message).hint(hint)
        }
    };
    decoder.complain(wrong);
    false
}
