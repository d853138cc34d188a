//! A `config.yml` as a stack file beside it.

use camino::Utf8Path;

use super::{Toml, inline_table, list, string};
use crate::diagnostic::Report;
use crate::load::{LoadOptions, Loaded, load};
use crate::modes::compose::ComposeSpec;

/// A stack file that does the same as this `config.yml`, from which templates still take their values.
pub fn config(path: &Utf8Path, environment: Vec<(String, String)>) -> Result<String, Report> {
    let folder = path.parent().unwrap_or(Utf8Path::new("/")).to_owned();
    let loaded = load(&LoadOptions {
        files: vec![path.to_owned()],
        folder,
        environment,
        ..LoadOptions::default()
    })?;
    Ok(stack(&loaded, path))
}

fn stack(loaded: &Loaded, path: &Utf8Path) -> String {
    let name = path.file_name().unwrap_or_default();
    let stack = &loaded.stack;
    let below = |path: &Utf8Path| {
        let below = path.strip_prefix(&stack.dir).unwrap_or(path);
        string(if below.as_str().is_empty() {
            "."
        } else {
            below.as_str()
        })
    };
    let mut toml = Toml::default();
    toml.comment(&format!(
        "From {name}. Put this file beside it, as gantry.toml."
    ));
    toml.comment("What deployed_services lists starts with gantry up.");
    toml.value("name", &string(&stack.name));
    toml.table(&["render"]);
    toml.comment("What templates see; it is read anew each time.");
    toml.value("config", &string(name));
    if let Some(build) = &stack.render.build_dir {
        toml.value("build-dir", &below(build));
    }
    if let Some(root) = &stack.render.root {
        toml.value("root", &below(root));
    }
    for (name, service) in &stack.services {
        let Ok(spec) = serde_json::from_value::<ComposeSpec>(service.run.spec.clone()) else {
            continue;
        };
        let Some(template) = &spec.template else {
            continue;
        };
        toml.table(&["services", name.as_str(), "compose"]);
        if spec.engine != "auto" {
            toml.value("engine", &string(&spec.engine));
        }
        if !spec.env_files.is_empty() {
            let files = spec.env_files.iter().map(|file| below(file));
            toml.value("env-files", &list(files));
        }
        toml.table(&["services", name.as_str(), "compose", "template"]);
        toml.value("file", &below(&template.file));
        for (key, value) in [
            ("copy-src", template.copy_src),
            ("kernel-templates", template.kernel_templates),
        ] {
            if value {
                toml.value(key, "true");
            }
        }
        if !template.additional_dirs.is_empty() {
            let copies = template.additional_dirs.iter().map(|one| {
                let entries = [
                    ("source".to_owned(), below(&one.source)),
                    ("to".to_owned(), string(one.to.as_str())),
                ];
                inline_table(&entries)
            });
            toml.value("additional-dirs", &list(copies));
        }
        if let Some(config) = &template.config {
            toml.value("config", &string(config));
        }
    }
    others(loaded, &mut toml);
    toml.text
}

/// What is declared and not deployed.
fn others(loaded: &Loaded, toml: &mut Toml) {
    let Some(configuration) = &loaded.configuration else {
        return;
    };
    let deployed = |id: &str| loaded.stack.services.keys().any(|name| name.as_str() == id);
    let declared = crate::dialect::declared(&configuration.values);
    let others: Vec<&(String, bool)> = declared.iter().filter(|(id, _)| !deployed(id)).collect();
    if others.is_empty() {
        return;
    }
    toml.text.push('\n');
    toml.comment("Not in deployed_services, and so not here:");
    for (id, has_path) in others {
        let without = if *has_path { "" } else { " (it has no path)" };
        toml.comment(&format!("  {id}{without}"));
    }
}
