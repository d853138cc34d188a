//! The namespace of a service: there already, or made.

use gantry_core::InstanceId;
use gantry_driver::DriverError;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::json;

use crate::cluster::{self, MANAGER, trouble};
use crate::context::Context;
use crate::object::Key;
use crate::record;

/// The key of a namespace.
pub(crate) fn key(name: &str) -> Key {
    Key::core("Namespace", None, name)
}

/// Sees to it that it is there. Says whether it was made now.
pub(crate) async fn see_to(
    context: &Context,
    instance: &InstanceId,
    name: &str,
    create: bool,
) -> Result<bool, DriverError> {
    let api = context.cluster.place(&key(name)).await?;
    match api.get_metadata(name).await {
        Ok(found) if found.metadata.deletion_timestamp.is_some() => {
            let reason = format!("the namespace {name} is being deleted");
            Err(DriverError::transient("namespace", reason))
        }
        // Who may not look at namespaces may work in one all the same.
        Ok(_) => Ok(false),
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(false),
        Err(error) if cluster::is_absent(&error) && create => {
            let object = json!({
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": { "name": name, "labels": record::labels(&context.stack, instance) },
            });
            let object: DynamicObject = serde_json::from_value(object)
                .map_err(|error| DriverError::permanent("namespace", error.to_string()))?;
            let parameters = PatchParams::apply(MANAGER);
            let applied = api.patch(name, &parameters, &Patch::Apply(&object)).await;
            applied.map_err(|error| trouble("namespace", &error))?;
            Ok(true)
        }
        Err(error) if cluster::is_absent(&error) => {
            let reason =
                format!("there is no namespace {name}; `create-namespace = true` makes it");
            Err(DriverError::permanent("namespace", reason))
        }
        Err(error) => Err(trouble("namespace", &error)),
    }
}
