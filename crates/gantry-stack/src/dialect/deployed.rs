//! What is deployed.

use super::Reader;
use super::gather::Deployed;
use super::names::{Declared, find};
use crate::diagnostic::Diagnostic;
use crate::node::{Node, Value};

impl Reader<'_> {
    /// The services on the lists, each once, in their order.
    pub(super) fn deployed<'d, 'n>(
        &mut self,
        declared: &'d [Declared<'n>],
        lists: &[Deployed],
        root: &Node,
    ) -> Vec<&'d Declared<'n>> {
        let mut chosen: Vec<&Declared<'_>> = Vec::new();
        for deployed in lists {
            let Value::Seq(items) = &deployed.list.value else {
                let message = format!("`deployed_services` is {}", deployed.list.kind());
                let wrong = Diagnostic::error("wrong-kind", deployed.list.span, message);
                self.diagnostics
                    .push(wrong.expected("a list of names; an empty one means none"));
                continue;
            };
            for item in items {
                let mut item = item.clone();
                super::variables::put_in(&mut item, self.variables, self.sources, self.diagnostics);
                let Some(name) = item.as_str() else {
                    let message = format!("`deployed_services` has {} in it", item.kind());
                    let wrong = Diagnostic::error("wrong-kind", item.span, message);
                    self.diagnostics
                        .push(wrong.expected("the name of a service"));
                    continue;
                };
                let application = deployed.application.as_deref();
                match find(declared, name, application, item.span) {
                    Ok(found) if chosen.iter().any(|one| one.id == found.id) => {}
                    Ok(found) => chosen.push(found),
                    Err(wrong) => self.diagnostics.push(*wrong),
                }
            }
        }
        if lists.is_empty() && !declared.is_empty() {
            let message = "there is no `deployed_services`, so that nothing is deployed";
            let note = Diagnostic::warning("nothing-deployed", root.span, message);
            let names: Vec<&str> = declared.iter().take(10).map(|one| &*one.id).collect();
            self.diagnostics
                .push(note.hint(format!("there are {}", names.join(", "))));
        }
        chosen
    }
}
