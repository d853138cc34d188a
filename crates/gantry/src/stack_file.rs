//! The stack file as the verbs need it.

use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};
use gantry_api::GivenVariables;
use gantry_core::graph::{Edge, Graph};
use gantry_core::{Condition, ServiceKey};
use gantry_stack::diagnostic::Report;
use gantry_stack::load::{Loaded, ValuesText};
use gantry_stack::model;
use gantry_stack::short_name::{Meaning, meaning};
use indexmap::IndexSet;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::cli::{HowToRender, ModelArgs};
use crate::context::Context;
use crate::error::Error;
use crate::output::Output;
use crate::view::diagnostics;
use crate::view::origins::OriginLine;
use crate::view::render::Rendered;

mod clusters;
mod package;
mod read;

pub(crate) use read::environment;

/// Everything that is wrong with a stack file.
#[derive(Debug)]
pub(crate) struct Problems(pub(crate) Report);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A stack.
#[derive(Debug)]
pub(crate) struct StackFile {
    /// Its name.
    pub(crate) name: String,
    /// Its services, in start order.
    pub(crate) services: Vec<ServiceLine>,
    loaded: Loaded,
}

/// A service.
#[derive(Debug)]
pub(crate) struct ServiceLine {
    /// Its name.
    pub(crate) name: String,
    /// What it is, in one line.
    pub(crate) description: String,
    /// The mode that was chosen.
    pub(crate) mode: String,
    /// Whether it is meant to end.
    pub(crate) job: bool,
    /// How many instances there should be.
    pub(crate) replicas: u16,
    /// Whether a bare `up` starts it.
    pub(crate) auto_start: bool,
    /// What it depends on.
    pub(crate) depends_on: Vec<DependencyLine>,
}

/// A dependency.
#[derive(Debug)]
pub(crate) struct DependencyLine {
    /// The service that is needed.
    pub(crate) on: String,
    /// The part of it that is needed, if not all of it.
    pub(crate) part: Option<String>,
    /// What is waited for.
    pub(crate) condition: String,
    /// Where it was written.
    pub(crate) file: Option<String>,
    /// The line there.
    pub(crate) line: Option<u32>,
}

/// Read it, with everything that it imports.
pub(crate) fn load(context: &Context<'_>, args: &ModelArgs) -> Result<StackFile, Error> {
    load_with(context, args, &[])
}

/// The same, with these services in it whatever their profiles.
pub(crate) fn load_with(
    context: &Context<'_>,
    args: &ModelArgs,
    services: &[String],
) -> Result<StackFile, Error> {
    let mut loaded = read::read(&context.files, args, services)?;
    clusters::complete(&mut loaded, &environment())
        .map_err(|report| Error::StackFile(Problems(report)))?;
    Ok(StackFile {
        name: loaded.stack.name.to_string(),
        services: in_start_order(&loaded.stack),
        loaded,
    })
}

/// Names and descriptions of the services of the file that a shell's line means: `-f FILE` in it, else
/// what is found from here. Nothing when the file is wrong, for a shell cannot show why.
pub(crate) fn names_for_completion() -> Vec<(String, String)> {
    let words: Vec<String> = std::env::args().collect();
    let named: Vec<Utf8PathBuf> = words
        .windows(2)
        .filter(|pair| {
            ["-f", "--file"].contains(&pair[0].as_str()) && Utf8Path::new(&pair[1]).is_file()
        })
        .map(|pair| Utf8PathBuf::from(&pair[1]))
        .collect();
    let output = Output::new(crate::cli::Format::Table);
    let stack =
        Context::new(&output, &named).and_then(|context| load(&context, &ModelArgs::default()));
    let services = stack.map(|stack| stack.services).unwrap_or_default();
    services
        .into_iter()
        .map(|one| (one.name, one.description))
        .collect()
}

/// Names as they are in full. The first that is not known, or means several, is an error.
pub(crate) fn full_names(
    names: &[String],
    known: &[&str],
    stack: &str,
) -> Result<Vec<String>, Error> {
    let names = names.iter();
    names.map(|name| full_name(name, known, stack)).collect()
}

/// A name as it is in full.
pub(crate) fn full_name(name: &str, known: &[&str], stack: &str) -> Result<String, Error> {
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    match meaning(name, known.iter().copied()) {
        Meaning::One(full) => Ok(full.to_owned()),
        Meaning::Several(candidates) => Err(Error::AmbiguousService {
            name: name.to_owned(),
            stack: stack.to_owned(),
            candidates: texts(&candidates),
        }),
        Meaning::Unknown => {
            let nearest = gantry_stack::nearest::nearest(name, known.iter().copied());
            Err(Error::UnknownService {
                name: name.to_owned(),
                stack: stack.to_owned(),
                nearest: nearest.map(str::to_owned),
                known: texts(known),
            })
        }
    }
}

/// `service` or `service/part` with the service's name in full. The part is not looked at.
pub(crate) fn full_part(name: &str, known: &[&str], stack: &str) -> Result<String, Error> {
    let (service, part) = match name.split_once('/') {
        Some((service, part)) => (service, Some(part)),
        None => (name, None),
    };
    let service = full_name(service, known, stack)?;
    Ok(match part {
        Some(part) => format!("{service}/{part}"),
        None => service,
    })
}

/// The service of `service` or `service/part`.
pub(crate) fn service_of(name: &str) -> String {
    name.split('/').next().unwrap_or(name).to_owned()
}

impl DependencyLine {
    /// As it is written: `service` or `service/part`.
    pub(crate) fn name(&self) -> String {
        match &self.part {
            Some(part) => format!("{}/{part}", self.on),
            None => self.on.clone(),
        }
    }
}

impl StackFile {
    /// The names of its services.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.services.iter().map(|service| &*service.name).collect()
    }

    /// The same services with their names in full, if all of them exist.
    pub(crate) fn full(&self, names: &[String]) -> Result<Vec<String>, Error> {
        full_names(names, &self.names(), &self.name)
    }

    /// Tell people what is odd. Programs get it from `validate`.
    pub(crate) fn warn(&self, output: &Output) {
        let warnings = &self.loaded.warnings;
        if !warnings.diagnostics.is_empty() && !output.is_for_programs() {
            diagnostics::show(warnings, &output.notes);
        }
    }

    /// Render the templates of services into the build folder, and put files into their place in the model.
    pub(crate) fn render(
        &mut self,
        output: &Output,
        how: &HowToRender,
        write: bool,
    ) -> Result<Rendered, Error> {
        let packages = package::wheels(&how.packages)?;
        let mut options = gantry_render::Options {
            now: now(),
            replace: how.replace,
            build: how.build,
            write: false,
            packages: packages.files().to_vec(),
        };
        let wrong = |report| Error::StackFile(Problems(report));
        let mut prepared = gantry_render::prepare(&self.loaded, &options).map_err(wrong)?;
        // What is wrong is not written.
        if let Some(stack) = &mut prepared.stack {
            let sources = &self.loaded.warnings.sources;
            clusters::rendered(stack, &prepared.manifests, sources).map_err(wrong)?;
        }
        if write && prepared.folder.is_some() {
            options.write = true;
            let written = gantry_render::prepare(&self.loaded, &options).map_err(wrong)?;
            prepared.warnings = written.warnings;
        }
        if !prepared.warnings.diagnostics.is_empty() && !output.is_for_programs() {
            diagnostics::show(&prepared.warnings, &output.notes);
        }
        if let Some(stack) = prepared.stack {
            self.loaded.stack = stack;
            // What a template needs of another one is known only now.
            self.services = in_start_order(&self.loaded.stack);
        }
        Ok(Rendered {
            folder: prepared.folder,
            changes: prepared.changes,
            unchanged: prepared.unchanged,
        })
    }

    /// Whether some service in a cluster has manifests that are rendered first.
    pub(crate) fn has_templates_of_manifests(&self) -> bool {
        let mut services = self.loaded.stack.services.values();
        services.any(|service| {
            let entries = service.run.spec["manifests"].as_array();
            let mut entries = entries.into_iter().flatten().filter_map(Value::as_str);
            service.mode().as_str() == "kubernetes"
                && entries.any(|entry| gantry_render::has_templates(Utf8Path::new(entry)))
        })
    }

    /// Whether what it has can be rendered. Nothing is written, and no package is looked at.
    pub(crate) fn prove(&self, how: &HowToRender) -> Result<(), Error> {
        let options = gantry_render::Options {
            now: now(),
            replace: how.replace,
            ..gantry_render::Options::default()
        };
        let wrong = |report| Error::StackFile(Problems(report));
        let mut prepared = gantry_render::prepare(&self.loaded, &options).map_err(wrong)?;
        let Some(stack) = &mut prepared.stack else {
            return Ok(());
        };
        let sources = &self.loaded.warnings.sources;
        clusters::rendered(stack, &prepared.manifests, sources).map_err(wrong)
    }

    /// Remove what was rendered: the build folder, and what was removed from it.
    pub(crate) fn clean(&self) -> Result<(Utf8PathBuf, Vec<gantry_render::Changed>), String> {
        gantry_render::clean(&self.loaded.stack)
    }

    /// What is odd, as data.
    pub(crate) fn warnings(&self) -> Vec<Value> {
        diagnostics::warnings(&self.loaded.warnings)
    }

    /// The model itself.
    pub(crate) fn stack(&self) -> &model::Stack {
        &self.loaded.stack
    }

    /// The model for the supervisor.
    fn model(&self) -> Box<RawValue> {
        serde_json::value::to_raw_value(&self.loaded.stack).expect("a stack is JSON")
    }

    /// The model, and what the environment has for its secrets.
    pub(crate) fn model_and_given(&self) -> (Box<RawValue>, GivenVariables) {
        let model = self.model();
        let mut found = GivenVariables::default();
        // Few have secrets, and one that has none need not be taken apart.
        if model.get().contains(&format!("\"{SECRET}\"")) {
            let value = serde_json::from_str(model.get()).unwrap_or_default();
            named_variables(&value, &mut found);
        }
        (model, found)
    }

    /// The values of a release, with their places: those of the stack file over these, the lowest first.
    pub(crate) fn chart_values(
        &self,
        service: &str,
        below: &[ValuesText],
    ) -> Result<Vec<OriginLine>, String> {
        let found = self.loaded.chart_values(service, below)?;
        Ok(found.into_iter().map(read::origin).collect())
    }

    /// The model for people.
    pub(crate) fn model_value(&self) -> Value {
        let mut model = serde_json::to_value(&self.loaded.stack).unwrap_or_default();
        without_origins(&mut model);
        model
    }

    /// Each value and where it came from.
    pub(crate) fn origins(&self) -> Vec<OriginLine> {
        self.loaded
            .origins()
            .into_iter()
            .map(read::origin)
            .collect()
    }

    /// These services with what they need; if none is named, those that start by themselves.
    pub(crate) fn wanted(&self, named: &[String]) -> Vec<&ServiceLine> {
        let all = self.services.iter();
        let seeds = all.filter(|one| match named {
            [] => one.auto_start,
            named => named.contains(&one.name),
        });
        let mut wanted: IndexSet<&str> = seeds.map(|one| &*one.name).collect();
        // What is needed stands before what needs it, so one walk from the end finds all.
        for service in self.services.iter().rev() {
            if wanted.contains(&*service.name) {
                wanted.extend(service.depends_on.iter().map(|one| &*one.on));
            }
        }
        let all = self.services.iter();
        all.filter(|one| wanted.contains(&*one.name)).collect()
    }
}

/// The key that marks a secret in a model.
const SECRET: &str = "$secret";

/// The variables that secrets name, and what they are in this environment.
fn named_variables(value: &Value, found: &mut GivenVariables) {
    match value {
        Value::Object(map) => {
            if let Some(name) = map.get(SECRET).and_then(|secret| secret["env"].as_str()) {
                found.0.insert(name.to_owned(), std::env::var(name).ok());
            }
            map.values().for_each(|value| named_variables(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| named_variables(value, found)),
        _ => {}
    }
}

/// The time as Python's `isoformat` gives it, which templates of the dialect print.
fn now() -> String {
    jiff::Zoned::now()
        .strftime("%Y-%m-%dT%H:%M:%S.%6f")
        .to_string()
}

/// Leave out where things were written: that is told on its own.
fn without_origins(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let told =
                |origin: &Value| origin.get("file").is_some() && origin.get("line").is_some();
            if map.get("origin").is_some_and(told) {
                map.shift_remove("origin");
            }
            map.values_mut().for_each(without_origins);
        }
        Value::Array(items) => items.iter_mut().for_each(without_origins),
        _ => {}
    }
}

/// Dependencies first; the loading has made sure that there is no circle.
fn in_start_order(stack: &model::Stack) -> Vec<ServiceLine> {
    let orders: Vec<i32> = stack
        .services
        .values()
        .map(|service| service.order)
        .collect();
    let mut edges = Vec::new();
    for (dependent, service) in stack.services.values().enumerate() {
        for one in &service.depends_on {
            if let Some(dependency) = stack.services.get_index_of(&one.service) {
                edges.push(Edge {
                    dependent: key(dependent),
                    dependency: key(dependency),
                    part: None,
                    condition: one.condition,
                    follow: one.implied,
                });
            }
        }
    }
    let order = Graph::new(&orders, edges).order();
    let lines = order.into_iter().filter_map(|key| {
        let (name, service) = stack.services.get_index(key.index())?;
        Some(line(name.as_str(), service))
    });
    lines.collect()
}

fn key(position: usize) -> ServiceKey {
    ServiceKey(u32::try_from(position).unwrap_or(u32::MAX))
}

fn line(name: &str, service: &model::Service) -> ServiceLine {
    let depends_on = service.depends_on.iter().map(|one| DependencyLine {
        on: one.service.to_string(),
        part: one.child.as_ref().map(ToString::to_string),
        condition: Condition::as_str(one.condition).to_owned(),
        file: one.origin.as_ref().map(|origin| origin.file.to_string()),
        line: one.origin.as_ref().map(|origin| origin.line),
    });
    ServiceLine {
        name: name.to_owned(),
        description: service.description.clone().unwrap_or_default(),
        mode: service.mode().to_string(),
        job: service.job,
        replicas: service.replicas,
        auto_start: service.auto_start,
        depends_on: depends_on.collect(),
    }
}
