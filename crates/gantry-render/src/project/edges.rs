//! What services of one project wait for in services of other templates.

use gantry_stack::diagnostic::Diagnostic;
use gantry_stack::model::{DependsOn, Stack};

use super::{Plan, Unit, Work};

impl Work<'_> {
    /// Adds an edge for each Compose service that is needed and stands in another template: each template is started
    /// by itself, and what Compose does not start it does not wait for.
    pub(super) fn edges(&mut self, stack: &mut Stack, units: &[Unit], plan: &Plan) {
        for (unit, composed) in units.iter().zip(&plan.composed) {
            let needs = composed.services.iter().flat_map(|service| &service.needs);
            for (needed, condition) in needs {
                let mut all = units.iter().zip(&plan.composed);
                let owner = all.find(|(_, file)| file.services.iter().any(|it| it.name == *needed));
                // What no template has is for Compose to complain about.
                let Some((owner, _)) = owner.filter(|(owner, _)| owner.name != unit.name) else {
                    continue;
                };
                let Some((name, _)) = stack.services.get_key_value(owner.name.as_str()) else {
                    continue;
                };
                let edge = DependsOn {
                    service: name.clone(),
                    child: Some(needed.as_str().into()),
                    condition: *condition,
                    implied: false,
                    origin: None,
                };
                if let Some(service) = stack.services.get_mut(unit.name.as_str())
                    && !service.depends_on.contains(&edge)
                {
                    service.depends_on.push(edge);
                }
            }
        }
        self.circle(stack, units);
    }

    /// Complains about templates that need each other: none of them could be started first.
    fn circle(&mut self, stack: &Stack, units: &[Unit]) {
        for unit in units {
            let mut path = vec![unit.name.as_str()];
            if !way_back(stack, &mut path, &mut Vec::new()) {
                continue;
            }
            let message = format!("these services need each other: {}", path.join(" → "));
            let span = self.place(&unit.name, &["file"]);
            let wrong = Diagnostic::error("dependency-cycle", span, message)
                .hint("each template is started by itself: put what needs each other into one");
            self.diagnostics.push(wrong);
            return;
        }
    }
}

/// Whether a way leads from the end of the path to its beginning; the path is then that way.
fn way_back<'s>(stack: &'s Stack, path: &mut Vec<&'s str>, seen: &mut Vec<&'s str>) -> bool {
    let last = path.last().and_then(|name| stack.services.get(*name));
    for edge in last.into_iter().flat_map(|service| &service.depends_on) {
        let next = edge.service.as_str();
        if path.first() == Some(&next) {
            path.push(next);
            return true;
        }
        if seen.contains(&next) {
            continue;
        }
        seen.push(next);
        path.push(next);
        if way_back(stack, path, seen) {
            return true;
        }
        path.pop();
    }
    false
}
