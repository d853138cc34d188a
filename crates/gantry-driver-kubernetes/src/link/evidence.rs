//! All that is seen of an instance, for one who looks afterwards.

use std::collections::BTreeSet;
use std::sync::Arc;

use gantry_core::InstanceId;
use gantry_driver::RenderedFile;
use gantry_stack::template::DOTS;
use gantry_stack::write::to_yaml;
use serde_json::{Value, json};

use super::Link;
use crate::object::text;
use crate::preview::without_secrets;
use crate::record::Record;
use crate::view::Scope;

impl Link {
    /// Objects, pods and events of every instance that is there, as files.
    pub(super) fn evidence(&self) -> Vec<(InstanceId, RenderedFile)> {
        let mut found = Vec::new();
        for (instance, slot) in &self.slots {
            let Some(record) = slot.record.as_ref().filter(|record| !record.stopped) else {
                continue;
            };
            for (path, text) in self.files(record) {
                let path = format!("{}/{path}", instance.number()).into();
                found.push((instance.clone(), RenderedFile { path, text }));
            }
        }
        found
    }

    fn files(&self, record: &Record) -> [(&'static str, String); 3] {
        let objects = record
            .objects
            .iter()
            .filter_map(|one| self.view.get(&one.key));
        let objects: Vec<&Arc<Value>> = objects.collect();
        let pods = self.pods(record);
        let about: BTreeSet<&str> = objects
            .iter()
            .copied()
            .chain(&pods)
            .filter_map(|object| text(object, &["metadata", "uid"]))
            .collect();
        let namespaces: BTreeSet<&str> = pods
            .iter()
            .filter_map(|pod| text(pod, &["metadata", "namespace"]))
            .chain([record.namespace.as_str()])
            .collect();
        let mut events: Vec<String> = Vec::new();
        for namespace in namespaces {
            let [_, scope, ..] = Scope::of_workloads(namespace);
            let mine = self.view.all(&scope).into_iter().filter(|event| {
                text(event, &["involvedObject", "uid"]).is_some_and(|uid| about.contains(uid))
            });
            events.extend(mine.map(|event| line(event)));
        }
        events.sort();
        [
            (
                "objects.yaml",
                documents(objects.into_iter().map(|object| to_keep(object))),
            ),
            ("pods.yaml", documents(pods.iter().map(|pod| to_keep(pod)))),
            ("events.txt", events.concat()),
        ]
    }
}

/// Time, object, reason and message of an event.
fn line(event: &Value) -> String {
    let times = ["lastTimestamp", "eventTime", "firstTimestamp"];
    let at = times
        .iter()
        .find_map(|name| event[name].as_str())
        .unwrap_or("-");
    let of = &event["involvedObject"];
    let word = |value: &Value| value.as_str().unwrap_or("-").replace('\n', " ");
    let count = event["count"].as_u64().unwrap_or(1);
    format!(
        "{at}  {}/{}  {}  {} (x{count})\n",
        word(&of["kind"]).to_lowercase(),
        word(&of["name"]),
        word(&event["reason"]),
        word(&event["message"]),
    )
}

fn documents(objects: impl Iterator<Item = Value>) -> String {
    let mut text = String::new();
    for object in objects {
        text.push_str("---\n");
        text.push_str(&to_yaml(&object));
    }
    text
}

/// An object without the values of environments, wherever they are in it: what is secret there is anybody's guess. What
/// others have noted of it is left out, since it says the same again.
fn to_keep(object: &Value) -> Value {
    let mut object = without_secrets(object);
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("annotations");
    }
    mask(&mut object);
    object
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                if let ("env", Value::Array(variables)) = (name.as_str(), &mut *value) {
                    for variable in variables {
                        if variable["value"].is_string() {
                            variable["value"] = json!(DOTS);
                        }
                    }
                } else {
                    mask(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        _ => {}
    }
}
