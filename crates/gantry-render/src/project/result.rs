//! The stack that drivers see.

use camino::Utf8Path;
use gantry_stack::model::{Render, Stack};
use serde_json::{Value, json};

use super::{Plan, Unit, Work};

impl Work<'_> {
    /// The stack with files in the place of templates. All its template services are parts of one project.
    /// `sums` are those of the services.
    pub(super) fn with_files(
        &self,
        build: &Utf8Path,
        units: &[Unit],
        plan: &Plan,
        sums: &[String],
    ) -> Stack {
        let mut stack = self.loaded.stack.clone();
        stack.render = Render::default();
        let root = build.join(self.root_file());
        let variables = self.variables_file();
        let mut files = vec![root.clone()];
        files.extend(units.iter().map(|unit| build.join(&unit.file)));
        if plan.files.contains_key(&variables) {
            files.push(build.join(variables));
        }
        let project = project_name(&stack);
        for ((unit, composed), sum) in units.iter().zip(&plan.composed).zip(sums) {
            let service = stack
                .services
                .iter_mut()
                .find(|(name, _)| name.as_str() == unit.name);
            let Some(spec) = service.and_then(|(_, service)| service.run.spec.as_object_mut())
            else {
                continue;
            };
            spec.shift_remove("template");
            let names: Vec<&str> = composed
                .services
                .iter()
                .map(|service| &*service.name)
                .collect();
            spec.insert("files".to_owned(), json!(files));
            spec.insert("rendered-files".to_owned(), json!(sum));
            spec.insert("services".to_owned(), json!(names));
            spec.insert("folder".to_owned(), json!(root.parent()));
            if !spec.contains_key("project") {
                spec.insert("project".to_owned(), json!(project));
            }
            if self.options.build {
                spec.insert("build".to_owned(), json!(true));
            }
            if self.is_dialect() && !self.options.packages.is_empty() {
                let env = spec.entry("env").or_insert_with(|| json!({}));
                if let Value::Object(env) = env {
                    env.entry("DEV_MODE").or_insert_with(|| json!("true"));
                }
            }
        }
        stack
    }
}

/// A name that no other project on the machine has: that of the stack, and a sum of where its file is.
pub(super) fn project_name(stack: &Stack) -> String {
    let name: String = stack
        .name
        .to_ascii_lowercase()
        .chars()
        .map(|letter| if letter == '.' { '-' } else { letter })
        .collect();
    let sum = blake3::hash(stack.file.as_str().as_bytes()).to_hex();
    format!("{}-{}", name.trim_start_matches(['-', '_']), &sum[..8])
}
