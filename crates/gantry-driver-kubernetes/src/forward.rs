//! Ways from this machine to what runs in a cluster: the listeners that a service's `forward` asks for.
//!
//! # What is open when
//!
//! | what happens | what follows | the fault that this prevents |
//! |---|---|---|
//! | a start has ended | the listener opens, and stays until the service is stopped | a refused connection each time a pod is replaced |
//! | a connection, and no pod is ready | it waits, at most `connect-timeout`; then it is closed, and why is told | an error for a moment's gap; a client that hangs |
//! | the pod goes, or another one takes its place | its connections are closed; the next goes to the other pod | connections into nothing that hang for ever |
//! | a pod is deleted, whatever still answers in it | it is not used again | a node that has not heard of it serving on |
//! | a connection's other end does not answer (`silence.rs`) | it is closed, that is told, and it is looked whether another one can be opened | a tunnel that swallows what is sent |
//! | the cluster does not answer, or none can be opened | it is not ready, and that is told | "ready" of a way that leads nowhere |
//! | a pattern matches several | it is not ready, and they are listed; with `each` or `local = 0` each has a listener | the wrong one of two |
//!
//! Each is a part of its service: `forward/PORT`.

mod carry;
mod lane;
pub(crate) mod road;
mod silence;
mod spdy;
pub(crate) mod target;
pub(crate) mod tunnel;

use std::collections::BTreeMap;
use std::sync::Arc;

use gantry_core::InstanceId;
use gantry_driver::{ChildName, ChildStatus, Ports};
use gantry_stack::modes::forward::Forward;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;

use crate::context::Context;
use crate::link::Input;
use crate::view::{Scope, View};
use lane::Lane;
use target::{Target, Way};

/// A forward as it is noted: with the port that it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Noted {
    #[serde(flatten)]
    pub(crate) forward: Forward,
    /// The port of this machine, if the stack file says 0.
    pub(crate) drawn: Option<u16>,
    pub(crate) namespace: String,
}

impl Noted {
    fn port(&self) -> u16 {
        self.drawn.unwrap_or(self.forward.local)
    }
}

/// What a forward's port is called among the ports of this machine: as the port of the service that it leads to, or as
/// itself.
pub(crate) fn port_name(forward: &Forward, at: usize, ports: &Ports) -> String {
    let mut named = ports.iter();
    let leads = |(name, port): &(&smol_str::SmolStr, &u16)| {
        **name == forward.remote || port.to_string() == forward.remote
    };
    match named.find(leads) {
        Some((name, _)) => name.to_string(),
        None => format!("forward-{}", at + 1),
    }
}

/// The ports of this machine that lead into the cluster.
pub(crate) fn host_ports(forwards: &[Forward], ports: &Ports) -> Ports {
    let forwards = forwards.iter().enumerate();
    let named = forwards.map(|(at, one)| (port_name(one, at, ports).into(), one.local));
    named.collect()
}

/// What is watched for these.
pub(crate) fn scopes(noted: &[Noted]) -> Vec<Scope> {
    let mut scopes = Vec::new();
    for one in noted {
        let [pods, ..] = Scope::of_workloads(&one.namespace);
        scopes.push(pods);
        if let Some(scope) = Target::of(&one.forward.service).scope(&one.namespace) {
            scopes.push(scope);
        }
    }
    scopes
}

/// All forwards of an instance.
#[derive(Debug, Default)]
pub(crate) struct Forwards {
    all: Vec<One>,
}

#[derive(Debug)]
struct One {
    noted: Noted,
    target: Target,
    lanes: BTreeMap<String, Lane>,
    /// Why there is none, or more than one should be.
    wrong: Option<String>,
}

impl Forwards {
    /// Those that are noted. What is open already for the same stays open.
    pub(crate) fn keep(&mut self, noted: &[Noted]) {
        let mut before = std::mem::take(&mut self.all);
        self.all = noted
            .iter()
            .map(|noted| {
                let same = before.iter().position(|one| one.noted == *noted);
                match same {
                    Some(at) => before.swap_remove(at),
                    None => One {
                        noted: noted.clone(),
                        target: Target::of(&noted.forward.service),
                        lanes: BTreeMap::new(),
                        wrong: None,
                    },
                }
            })
            .collect();
    }

    /// Points them at what is there now.
    pub(crate) fn aim(
        &mut self,
        instance: &InstanceId,
        view: &View,
        context: &Arc<Context>,
        outbox: &UnboundedSender<Input>,
    ) {
        for one in &mut self.all {
            one.aim(instance, view, context, outbox);
        }
    }

    /// What keeps them from being ready, if anything does.
    pub(crate) fn missing(&self) -> Option<String> {
        let missing: Vec<String> = self.all.iter().flat_map(One::missing).collect();
        (!missing.is_empty()).then(|| missing.join("; "))
    }

    /// As parts of their service.
    pub(crate) fn children(&self) -> Vec<ChildStatus> {
        self.all.iter().flat_map(One::children).collect()
    }
}

impl One {
    fn aim(
        &mut self,
        instance: &InstanceId,
        view: &View,
        context: &Arc<Context>,
        outbox: &UnboundedSender<Input>,
    ) {
        let forward = &self.noted.forward;
        let found = self
            .target
            .find(view, &self.noted.namespace, &forward.remote);
        let several = forward.each || forward.local == 0;
        self.wrong = match found.as_slice() {
            [] => Some(format!(
                "there is no {} in {}",
                self.target, self.noted.namespace
            )),
            [_, _, ..] if !several => {
                let names: Vec<&str> = found.iter().map(|way| way.name.as_str()).collect();
                Some(format!(
                    "several match {}: {}",
                    self.target,
                    names.join(", ")
                ))
            }
            _ => None,
        };
        let mut wanted: Vec<Way> = if self.wrong.is_some() && found.len() > 1 {
            Vec::new()
        } else {
            found
        };
        if wanted.is_empty() && !self.target.is_pattern() {
            // Its listener is there before what it leads to is.
            wanted.push(Way::missing(self.target.pattern()));
        }
        self.lanes
            .retain(|name, _| wanted.iter().any(|way| way.name == *name));
        for way in wanted {
            if !self.lanes.contains_key(&way.name) {
                let port = self.next_port();
                let lane = Lane::open(instance, context, outbox, &self.noted, port);
                self.lanes.insert(way.name.clone(), lane);
            }
            if let Some(lane) = self.lanes.get_mut(&way.name) {
                lane.aim(way);
            }
        }
    }

    /// The given port, and those after it; with 0, any but for the first.
    fn next_port(&self) -> u16 {
        let first = self.noted.port();
        let taken = |port: u16| self.lanes.values().any(|lane| lane.wanted_port == port);
        if !taken(first) {
            return first;
        }
        if self.noted.forward.local == 0 {
            return 0;
        }
        (first..u16::MAX).find(|port| !taken(*port)).unwrap_or(0)
    }

    /// Why they are not ready: without counts, or each would be told as another reason.
    fn missing(&self) -> Vec<String> {
        if self.lanes.is_empty() {
            let why = self.wrong.as_deref().unwrap_or("it is not open yet");
            return vec![format!("forward/{}: {why}", self.noted.port())];
        }
        let lanes = self.lanes.iter();
        lanes
            .filter_map(|(name, lane)| {
                let why = lane.missing(name, self.wrong.as_deref())?;
                Some(format!("forward/{}: {why}", lane.port()))
            })
            .collect()
    }

    fn children(&self) -> Vec<ChildStatus> {
        if self.lanes.is_empty() {
            let name = format!("forward/{}", self.noted.port());
            return vec![ChildStatus {
                name: ChildName::new(name),
                state: Some("waiting".into()),
                started: true,
                ready: false,
                completed: false,
                message: self.wrong.clone(),
            }];
        }
        let lanes = self.lanes.iter();
        lanes
            .map(|(name, lane)| lane.child(name, self.wrong.as_deref()))
            .collect()
    }
}
