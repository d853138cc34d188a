//! `gantry graph`.

use std::collections::HashMap;

use gantry_api::{ChildStatus, State};
use gantry_driver_kubernetes::relations;

use super::render;
use crate::cli::{DiffArgs, GraphArgs};
use crate::context::Context;
use crate::error::Error;
use crate::runtime::block_on;
use crate::stack_file;
use crate::view::graph::{Edge, GraphView, Node};
use crate::view::objects::ObjectsView;

/// What `graph` has to show.
pub(crate) enum Drawn {
    /// For people and programs.
    Graph(GraphView),
    /// The objects of clusters, for people and programs.
    Objects(ObjectsView),
    /// In the form that was asked for.
    Text(String),
}

/// The graph, as it was asked for.
pub(crate) fn run(context: &Context<'_>, args: &GraphArgs) -> Result<Drawn, Error> {
    if args.manifests {
        let view = objects(context, args)?;
        return Ok(match args.format {
            Some(form) => Drawn::Text(view.drawing().text(form)),
            None => Drawn::Objects(view),
        });
    }
    let view = of_services(context, args)?;
    Ok(match args.format {
        Some(form) => Drawn::Text(view.drawing().text(form)),
        None => Drawn::Graph(view),
    })
}

/// What services in clusters consist of, and what of it refers to what.
fn objects(context: &Context<'_>, args: &GraphArgs) -> Result<ObjectsView, Error> {
    let args = DiffArgs {
        services: args.service.iter().cloned().collect(),
        model: args.model.clone(),
        files: args.files.clone(),
    };
    let services = render::objects(context, &args)?;
    let all: Vec<_> = services
        .into_iter()
        .flat_map(|(_, objects)| objects)
        .collect();
    Ok(ObjectsView {
        title: stack_file::load(context, &args.model)?.name.clone(),
        relations: relations::of(&all),
    })
}

/// The graph of the file, with the states that a supervisor knows.
fn of_services(context: &Context<'_>, args: &GraphArgs) -> Result<GraphView, Error> {
    let stack = stack_file::load(context, &args.model)?;
    let chosen = stack.full(args.service.as_slice())?.pop();
    let states = states(context);
    let mut levels: HashMap<&str, usize> = HashMap::new();
    let mut nodes = Vec::new();
    let mut edges = Vec::new();
    for service in &stack.services {
        let below = service
            .depends_on
            .iter()
            .filter_map(|one| levels.get(&*one.on));
        let level = below.max().map_or(0, |level| level + 1);
        levels.insert(&service.name, level);
        nodes.push(Node {
            name: service.name.clone(),
            mode: service.mode.clone(),
            job: service.job,
            state: states.get(&service.name).map(|known| known.0),
            level,
            children: states
                .get(&service.name)
                .map_or_else(Vec::new, |known| known.1.clone()),
        });
        edges.extend(service.depends_on.iter().map(|one| Edge {
            from: service.name.clone(),
            to: one.on.clone(),
            part: one.part.clone(),
            condition: one.condition.clone(),
            file: one.file.clone(),
            line: one.line,
        }));
    }
    let named = chosen.is_some();
    let roots = match chosen {
        Some(name) => vec![name],
        None => nodes
            .iter()
            .map(|node| &node.name)
            .filter(|name| {
                let mut edges = edges.iter();
                !edges.any(|edge| **name == if args.reverse { &*edge.from } else { &*edge.to })
            })
            .cloned()
            .collect(),
    };
    let mut view = GraphView {
        nodes,
        edges,
        title: stack.name.clone(),
        roots,
        reverse: args.reverse,
    };
    if named {
        view.keep_what_is_drawn();
    }
    Ok(view)
}

/// What a supervisor says; nothing if none answers, for a graph needs none.
fn states(context: &Context<'_>) -> HashMap<String, (State, Vec<ChildStatus>)> {
    let client = context
        .client()
        .filter(|client| client.dir().guard_socket().exists());
    let status = client.and_then(|client| block_on(async { Ok(client.status().await?) }).ok());
    let services = status.map(|status| status.services).unwrap_or_default();
    services
        .into_iter()
        .map(|service| (service.name, (service.state, service.children)))
        .collect()
}
