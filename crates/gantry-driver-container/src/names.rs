//! What things are called in an engine, and how it is known whose they are.

use std::collections::HashMap;

use gantry_container_engine::owner::Owner;
use gantry_core::{Digest, Generation, InstanceId, Revision, ServiceName};
use gantry_driver::{LogPolicy, Recorded, StackIdentity};
use serde_json::json;
use smol_str::SmolStr;

const GENERATION: &str = "gantry.generation";
const REVISION: &str = "gantry.revision";
const DIGEST: &str = "gantry.digest";
/// The service that an image was built for.
const BUILT_FOR: &str = "gantry.built-for";
/// How its output is kept, for a supervisor that finds it.
const LOGS: &str = "gantry.logs";

/// The name by which a container knows the machine that it runs on.
pub(crate) const MACHINE: &str = "host.gantry.internal";

/// The names and labels of one stack.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    owner: Owner,
}

/// What a container's labels say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) instance: InstanceId,
    pub(crate) generation: Generation,
    pub(crate) revision: Option<Revision>,
    pub(crate) digest: Option<Digest>,
    /// How its output is kept.
    pub(crate) logs: LogPolicy,
}

impl Names {
    pub(crate) fn new(stack: &StackIdentity) -> Self {
        Self {
            owner: Owner::new(stack),
        }
    }

    /// The name of an instance's container.
    pub(crate) fn container(&self, instance: &InstanceId) -> String {
        format!(
            "gantry-{}-{}-{}",
            self.owner.stack(),
            instance.service,
            instance.number()
        )
    }

    /// The name of the network that all containers of the stack are in.
    pub(crate) fn network(&self) -> String {
        network(self.owner.stack())
    }

    /// The name of a volume of the stack.
    pub(crate) fn volume(&self, name: &str) -> String {
        format!("gantry-{}-{name}", self.owner.stack())
    }

    /// The name of the images that are built for a service.
    pub(crate) fn image(&self, service: &ServiceName) -> String {
        format!("gantry-{}-{service}", self.owner.stack()).to_lowercase()
    }

    /// The labels of an image that is built for a service. A container that somebody else makes from it has
    /// them too, and is none of ours: it lacks all that tells an instance.
    pub(crate) fn image_labels(&self, service: &ServiceName) -> HashMap<String, String> {
        let mut labels = self.labels();
        labels.insert(BUILT_FOR.to_owned(), service.to_string());
        labels
    }

    /// The filter for what is ours, as engines take it.
    pub(crate) fn filter(&self) -> String {
        self.owner.filter()
    }

    /// The labels of everything that is made for the stack.
    pub(crate) fn labels(&self) -> HashMap<String, String> {
        self.owner.labels()
    }

    /// Whether something with these labels is ours.
    pub(crate) fn owns(&self, labels: &HashMap<String, String>) -> bool {
        self.owner.owns(labels)
    }

    /// The labels of an instance's container.
    pub(crate) fn tag(
        &self,
        instance: &InstanceId,
        generation: Generation,
        from: &Recorded,
    ) -> HashMap<String, String> {
        let mut labels = self.owner.labels_of(instance);
        labels.extend([
            (GENERATION.to_owned(), generation.0.to_string()),
            (REVISION.to_owned(), from.revision.0.to_string()),
            (DIGEST.to_owned(), format!("{:?}", from.digest)),
            (LOGS.to_owned(), json!(from.settings.logs).to_string()),
        ]);
        labels
    }

    /// What the labels of a container say, if it is ours.
    pub(crate) fn read(&self, labels: &HashMap<String, String>) -> Option<Tag> {
        let instance = self.owner.instance(labels)?;
        let number = |key: &str| labels.get(key)?.parse::<u32>().ok();
        Some(Tag {
            instance,
            generation: Generation(number(GENERATION)?),
            revision: number(REVISION).map(Revision),
            digest: labels.get(DIGEST).and_then(|text| digest(text)),
            // What is not written is what a stack file means that does not say it.
            logs: labels
                .get(LOGS)
                .and_then(|text| serde_json::from_str(text).ok())
                .unwrap_or_default(),
        })
    }
}

/// A hash as [`Digest`] prints it.
fn digest(text: &str) -> Option<Digest> {
    let number = u128::from_str_radix(text, 16).ok()?;
    Some(Digest(number.to_be_bytes()))
}

/// The name of a stack's network.
pub(crate) fn network(stack: &str) -> String {
    format!("gantry-{stack}")
}

/// The host by which an instance is found in the stack's network: its service's name, with its number if
/// there are several.
pub(crate) fn alias(instance: &InstanceId, replicas: u16) -> SmolStr {
    if replicas > 1 {
        smol_str::format_smolstr!("{}-{}", instance.service, instance.number())
    } else {
        SmolStr::new(instance.service.as_str())
    }
}

#[cfg(test)]
mod tests;
