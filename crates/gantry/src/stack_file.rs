//! The stack file as the verbs need it.

use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};
use gantry_core::graph::{Edge, Graph};
use gantry_core::{Condition, ServiceKey};
use gantry_stack::diagnostic::Report;
use gantry_stack::load::Loaded;
use gantry_stack::model;
use indexmap::IndexSet;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::cli::ModelArgs;
use crate::context::Context;
use crate::error::Error;
use crate::output::Output;
use crate::view::diagnostics;
use crate::view::origins::OriginLine;

mod read;

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
    let loaded = read::read(&context.files, args, services)?;
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

/// The first name that is not known is an error.
pub(crate) fn check_names(names: &[String], known: &[&str], stack: &str) -> Result<(), Error> {
    let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) else {
        return Ok(());
    };
    let nearest = gantry_stack::nearest::nearest(name, known.iter().copied());
    Err(Error::UnknownService {
        name: name.clone(),
        stack: stack.to_owned(),
        nearest: nearest.map(str::to_owned),
        known: known.iter().map(|name| (*name).to_owned()).collect(),
    })
}

impl StackFile {
    /// Whether all these services exist.
    pub(crate) fn check(&self, names: &[String]) -> Result<(), Error> {
        let known: Vec<&str> = self.services.iter().map(|service| &*service.name).collect();
        check_names(names, &known, &self.name)
    }

    /// Tell people what is odd. Programs get it from `validate`.
    pub(crate) fn warn(&self, output: &Output) {
        let warnings = &self.loaded.warnings;
        if !warnings.diagnostics.is_empty() && !output.is_for_programs() {
            diagnostics::show(warnings, &output.notes);
        }
    }

    /// What is odd, as data.
    pub(crate) fn warnings(&self) -> Vec<Value> {
        diagnostics::warnings(&self.loaded.warnings)
    }

    /// The model for the supervisor.
    pub(crate) fn model(&self) -> Result<Box<RawValue>, Error> {
        serde_json::value::to_raw_value(&self.loaded.stack)
            .map_err(|source| Error::io("write the model", source.into()))
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
