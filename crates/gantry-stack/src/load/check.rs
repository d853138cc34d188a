//! What only shows when all services are looked at together.

mod names;

use std::collections::HashMap;

use super::{Draft, Loading};
use crate::diagnostic::Diagnostic;
use crate::element::mode;
use crate::model::{Conflict, Service};
use crate::span::Span;

/// A port of this machine that the file gives away.
struct Holder<'d> {
    service: &'d str,
    /// For a message: "the port `http` of `api`".
    what: String,
    span: Span,
}

/// Checks ports, forwards and names.
pub(super) fn whole(loading: &mut Loading<'_>, drafts: &[Draft<'_>]) {
    let mut held: HashMap<u16, Vec<Holder<'_>>> = HashMap::new();
    for draft in drafts {
        let Some(service) = &draft.service else {
            continue;
        };
        let on_host = draft
            .mode
            .and_then(mode::find)
            .is_some_and(|mode| mode.on_host);
        for (name, port) in service
            .ports
            .iter()
            .filter(|(_, port)| on_host && **port != 0)
        {
            let span = draft.span(&["ports", name]);
            if service.replicas > 1 && !is_passed_in(service, name, *port) {
                let message = format!(
                    "`{}` has {} replicas, which cannot all have the port {port}",
                    draft.name, service.replicas
                );
                let wrong = Diagnostic::error("fixed-port-of-replicas", span, message);
                let hint = format!(
                    "write `{name} = 0`: each replica then gets a port of its own; or let them share its \
                     socket: `sockets = {{ {name} = \"{name}\" }}` below `process`"
                );
                loading.diagnostics.push(wrong.hint(hint));
            }
            let what = format!("the port `{name}` of `{}`", draft.name);
            hold(
                &mut held,
                *port,
                Holder {
                    service: &draft.name,
                    what,
                    span,
                },
            );
        }
        let nodes = draft.node.at(["forward"]);
        let nodes = nodes.map(|node| node.as_seq().unwrap_or(std::slice::from_ref(node)));
        for (at, forward) in service
            .forward
            .iter()
            .enumerate()
            .filter(|(_, one)| one.local != 0)
        {
            let node = nodes.and_then(|nodes| nodes.get(at));
            let span = node
                .and_then(|node| node.at(["local"]))
                .map_or(draft.key, |node| node.span);
            let what = format!("a forward of `{}`", draft.name);
            hold(
                &mut held,
                forward.local,
                Holder {
                    service: &draft.name,
                    what,
                    span,
                },
            );
        }
    }
    let mut doubled: Vec<(u16, Vec<Holder<'_>>)> = held
        .into_iter()
        .filter(|(_, holders)| holders.len() > 1)
        .collect();
    doubled.sort_by_key(|(port, _)| *port);
    for (port, holders) in doubled {
        let [first, others @ ..] = holders.as_slice() else {
            continue;
        };
        for other in others {
            // Services that are never up together may take turns.
            if first.service != other.service && excluded(drafts, first.service, other.service) {
                continue;
            }
            let message = format!("{} and {} are both {port}", first.what, other.what);
            let wrong = Diagnostic::error("same-port", other.span, message)
                .also(first.span, format!("{port} is taken here first"))
                .hint("change one of them, or write 0 for a free port");
            loading.diagnostics.push(wrong);
        }
    }
    names::whole(loading, drafts);
}

/// Whether two services are never up together.
fn excluded(drafts: &[Draft<'_>], one: &str, other: &str) -> bool {
    let names = |draft: &Draft<'_>, of: &str, with: &str| {
        let service = draft.service.as_ref().filter(|_| *draft.name == *of);
        let conflicts = service.into_iter().flat_map(|it| &it.conflicts_with);
        conflicts
            .into_iter()
            .any(|it| matches!(it, Conflict::Service(name) if name.as_str() == with))
    };
    drafts
        .iter()
        .any(|draft| names(draft, one, other) || names(draft, other, one))
}

/// Whether a port's socket is opened once for all replicas.
fn is_passed_in(service: &Service, name: &str, port: u16) -> bool {
    let sockets = service.run.spec.get("sockets");
    let sockets = sockets.and_then(serde_json::Value::as_object);
    sockets.is_some_and(|sockets| {
        sockets.values().any(|socket| {
            let listen = &socket["listen"];
            let text = listen.as_str().unwrap_or_default();
            text == name
                || listen.as_u64() == Some(u64::from(port))
                || text.rsplit(':').next() == Some(port.to_string().as_str())
        })
    })
}

fn hold<'d>(held: &mut HashMap<u16, Vec<Holder<'d>>>, port: u16, holder: Holder<'d>) {
    held.entry(port).or_default().push(holder);
}
