//! Which services there are, and what names mean.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::nearest::did_you_mean;
use crate::node::{Key, Node};
use crate::span::Span;

/// A service that a configuration has, deployed or not.
pub(super) struct Declared<'n> {
    /// Its whole name: `framework.jupyter`, `applications.als.mongo`, `jupyter`.
    pub(super) id: String,
    /// Its key.
    pub(super) key: &'n Key,
    /// What the configuration says of it.
    pub(super) node: &'n Node,
}

/// All services, in the order of the file.
pub(super) fn declared<'n>(root: &'n Node, diagnostics: &mut Diagnostics) -> Vec<Declared<'n>> {
    let mut found = Vec::new();
    let mut below = |prefix: &str, services: Option<&'n Node>| {
        let Some(services) = services.filter(|node| !node.is_null()) else {
            return;
        };
        let Some(map) = services.as_map() else {
            let message = format!("`services` is {}", services.kind());
            let wrong = Diagnostic::error("wrong-kind", services.span, message);
            diagnostics.push(wrong.expected("a mapping from names to services"));
            return;
        };
        for one in map {
            found.push(Declared {
                id: format!("{prefix}{}", one.key.name),
                key: &one.key,
                node: &one.value,
            });
        }
    };
    below("framework.", root.at(["framework", "services"]));
    below("osprey.", root.at(["osprey", "services"]));
    let applications = root.at(["applications"]).and_then(Node::as_map);
    for application in applications.into_iter().flatten() {
        let prefix = format!("applications.{}.", application.key.name);
        below(&prefix, application.value.at(["services"]));
    }
    below("", root.at(["services"]));
    found
}

/// The service that a name means.
pub(super) fn find<'d, 'n>(
    declared: &'d [Declared<'n>],
    name: &str,
    application: Option<&str>,
    span: Span,
) -> Result<&'d Declared<'n>, Box<Diagnostic>> {
    let exactly = |wanted: &str| declared.iter().find(|one| one.id == wanted);
    if let Some(found) = exactly(name) {
        return Ok(found);
    }
    let own = application.and_then(|app| exactly(&format!("applications.{app}.{name}")));
    if let Some(found) = own {
        return Ok(found);
    }
    let short: Vec<&Declared<'_>> = declared.iter().filter(|one| one.key.name == name).collect();
    match short.as_slice() {
        [one] => Ok(one),
        [] => {
            let ids = || declared.iter().map(|one| one.id.as_str());
            let shorts = declared.iter().map(|one| one.key.name.as_str());
            let hint = did_you_mean(name, ids().chain(shorts)).or_else(|| {
                let all: Vec<&str> = ids().take(10).collect();
                (!all.is_empty()).then(|| format!("there are {}", all.join(", ")))
            });
            let message = format!("there is no service `{name}`");
            let wrong = Diagnostic::error("unknown-service", span, message);
            Err(Box::new(wrong.hint_if(hint)))
        }
        several => {
            let ids: Vec<String> = several.iter().map(|one| format!("`{}`", one.id)).collect();
            let message = format!("`{name}` may be {}", ids.join(" or "));
            let mut wrong = Diagnostic::error("ambiguous-service", span, message);
            for one in several {
                wrong = wrong.also(one.key.span, format!("`{}`", one.id));
            }
            Err(Box::new(wrong.hint("write the whole name")))
        }
    }
}
