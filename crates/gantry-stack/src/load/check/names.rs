//! Names that containers are to have, of which an engine has each once.

use serde_json::Value;

use super::super::{Draft, Loading};
use super::excluded;
use crate::diagnostic::Diagnostic;
use crate::span::Span;

/// A name that the file gives away.
struct Given<'d> {
    name: &'d str,
    engine: &'d Value,
    service: &'d str,
    span: Span,
}

/// Checks that no two containers are to have one name. A name with references in it shows only later.
pub(super) fn whole(loading: &mut Loading<'_>, drafts: &[Draft<'_>]) {
    let mut given: Vec<Given<'_>> = Vec::new();
    for draft in drafts {
        let Some(service) = &draft.service else {
            continue;
        };
        let spec = &service.run.spec;
        let name = spec.get("name").and_then(Value::as_str);
        let Some(name) = name.filter(|_| draft.mode == Some("container")) else {
            continue;
        };
        let span = draft.span(&["container", "name"]);
        if service.replicas > 1 {
            let message = format!(
                "`{}` has {} replicas, which cannot all have the name {name}",
                draft.name, service.replicas
            );
            let wrong = Diagnostic::error("name-of-replicas", span, message);
            let hint = format!("write \"{name}-{{{{ instance }}}}\"");
            loading.diagnostics.push(wrong.hint(hint));
        }
        let one = Given {
            name,
            engine: &spec["engine"],
            service: &draft.name,
            span,
        };
        let same = |other: &&Given<'_>| other.name == name && other.engine == one.engine;
        // Services that are never up together may take turns.
        let together = |other: &&Given<'_>| !excluded(drafts, other.service, one.service);
        if let Some(first) = given.iter().find(|other| same(other) && together(other)) {
            let message = format!(
                "the containers of `{}` and `{}` are both called {name}",
                first.service, one.service
            );
            let wrong = Diagnostic::error("same-name", span, message);
            let wrong = wrong.also(first.span, format!("{name} is taken here first"));
            loading.diagnostics.push(wrong);
        }
        given.push(one);
    }
}
