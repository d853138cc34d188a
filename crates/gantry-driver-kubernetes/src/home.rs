//! Which gantry keeps a service in a cluster. The same stack file may be brought up with another `GANTRY_HOME`, or lie at
//! the same path of another machine: each knows nothing of the other, and both would change the same objects.

use std::fs;

use camino::Utf8Path;
use gantry_core::{FailureKind, InstanceId};
use gantry_driver::{DriverError, StackIdentity};
use kube::api::{Api, DynamicObject};
use serde_json::Value;

use crate::cluster::{Cluster, is_absent, trouble};
use crate::object::{Key, text};
use crate::record;

/// What stands in the cluster's copy of an inventory, and at what Helm keeps of a release: the machine, and the folder
/// of the stack there.
pub(crate) fn mark(stack: &StackIdentity) -> String {
    format!("{}:{}", machine(), stack.state_dir)
}

fn machine() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

/// Refuses what another gantry keeps. Only for who has no inventory of its own.
pub(crate) async fn claim(
    cluster: &Cluster,
    stack: &StackIdentity,
    instance: &InstanceId,
    namespace: &str,
) -> Result<(), DriverError> {
    let name = record::name_in_cluster(stack, instance);
    let key = Key::core("ConfigMap", Some(namespace), &name);
    let api: Api<DynamicObject> = cluster.place(&key).await?;
    let found = match api.get(&key.name).await {
        Ok(found) => serde_json::to_value(found).unwrap_or_default(),
        Err(error) if is_absent(&error) => return Ok(()),
        // Who may not read it is told when it is to be written.
        Err(kube::Error::Api(status)) if status.code == 403 => return Ok(()),
        Err(error) => return Err(trouble("inventory", &error)),
    };
    let Some(by) = mark_of(&found).and_then(|mark| keeper(mark, stack)) else {
        return Ok(());
    };
    let reason = format!(
        "{by}; take it down there, or delete configmap/{} in {namespace} to take over what it has made",
        key.name
    );
    Err(DriverError::new("inventory", FailureKind::NotOurs, reason))
}

/// The mark of an inventory; none if it is of before there were marks.
fn mark_of(inventory: &Value) -> Option<&str> {
    text(inventory, &["data", "home"])
}

/// Who keeps what has this mark, if that is another gantry which is there.
pub(crate) fn keeper(mark: &str, stack: &StackIdentity) -> Option<String> {
    let (machine, folder) = other(mark, &self::mark(stack), &machine(), Utf8Path::exists)?;
    Some(format!(
        "another gantry keeps it in this cluster: {folder} on {machine}"
    ))
}

/// Whose a mark is: nothing if it is ours, or that of a folder of this machine that is gone.
fn other<'a>(
    mark: &'a str,
    ours: &str,
    here: &str,
    exists: impl Fn(&Utf8Path) -> bool,
) -> Option<(&'a str, &'a str)> {
    let (machine, folder) = mark.split_once(':').filter(|_| mark != ours)?;
    let is_gone = machine == here && !exists(Utf8Path::new(folder));
    (!is_gone).then_some((machine, folder))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{mark_of, other};

    #[test]
    fn only_a_gantry_that_is_there_has_a_claim() {
        let told = |mark: &str, exists: bool| {
            let found = other(mark, "here:/ours", "here", |_| exists);
            found.map(|(machine, folder)| format!("{folder} on {machine}"))
        };
        assert_eq!(told("here:/ours", true), None);
        assert_eq!(
            told("here:/theirs", true).as_deref(),
            Some("/theirs on here")
        );
        assert_eq!(told("here:/theirs", false), None);
        assert_eq!(
            told("there:/ours", false).as_deref(),
            Some("/ours on there")
        );
        assert_eq!(told("of something else", true), None);
        // Of before there were marks.
        assert_eq!(mark_of(&json!({ "data": {} })), None);
        let inventory = json!({ "data": { "home": "a:b" } });
        assert_eq!(mark_of(&inventory), Some("a:b"));
    }
}
