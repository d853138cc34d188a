//! Whose a thing in an engine is.

use std::collections::HashMap;

use gantry_core::{InstanceId, ServiceName};
use gantry_driver::StackIdentity;
use smol_str::SmolStr;

/// The label with the stack's identity: what carries another is not ours.
pub const STACK: &str = "gantry.stack";
/// The label with the folder of the stack's state: the same file may be up twice, from two homes.
const HOME: &str = "gantry.home";
/// The label with the service.
const SERVICE: &str = "gantry.service";
/// The label with the slot of the instance.
const SLOT: &str = "gantry.slot";

/// A stack, as it is written on what is made for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    stack: SmolStr,
    home: String,
}

impl Owner {
    /// This stack.
    pub fn new(stack: &StackIdentity) -> Self {
        Self {
            stack: stack.id.clone(),
            home: stack.state_dir.to_string(),
        }
    }

    /// The identity of the stack.
    pub fn stack(&self) -> &SmolStr {
        &self.stack
    }

    /// The filter for what is ours, as engines take it. What it lets pass must be asked of
    /// [`owns`](Self::owns) as well.
    pub fn filter(&self) -> String {
        format!("{STACK}={}", self.stack)
    }

    /// The labels of everything that is made for the stack.
    pub fn labels(&self) -> HashMap<String, String> {
        HashMap::from([
            (STACK.to_owned(), self.stack.to_string()),
            (HOME.to_owned(), self.home.clone()),
        ])
    }

    /// The labels of what is made for one instance.
    pub fn labels_of(&self, instance: &InstanceId) -> HashMap<String, String> {
        let mut labels = self.labels();
        labels.insert(SERVICE.to_owned(), instance.service.to_string());
        labels.insert(SLOT.to_owned(), instance.slot.to_string());
        labels
    }

    /// Whether something with these labels is ours.
    pub fn owns(&self, labels: &HashMap<String, String>) -> bool {
        let is = |key: &str, value: &str| labels.get(key).is_some_and(|it| it == value);
        is(STACK, &self.stack) && is(HOME, &self.home)
    }

    /// The instance of ours that something with these labels was made for.
    pub fn instance(&self, labels: &HashMap<String, String>) -> Option<InstanceId> {
        if !self.owns(labels) {
            return None;
        }
        let service = ServiceName::new(labels.get(SERVICE)?).ok()?;
        Some(InstanceId::new(service, labels.get(SLOT)?.parse().ok()?))
    }
}
