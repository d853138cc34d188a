//! What we may do in a cluster.

use gantry_driver::Missing;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::api::{Api, PostParams};

use crate::cluster::Cluster;

/// A right to do something with things of a kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Right<'a> {
    pub(super) verb: &'a str,
    pub(super) group: &'a str,
    pub(super) resource: &'a str,
    /// A part of such a thing, if it is about that alone.
    pub(super) part: Option<&'a str>,
    pub(super) within: Option<&'a str>,
}

impl Right<'_> {
    /// Whether we have it. If that cannot be asked, it is tried.
    pub(super) async fn is_given(self, cluster: &Cluster) -> bool {
        let api: Api<SelfSubjectAccessReview> = Api::all(cluster.client.clone());
        let review = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec {
                resource_attributes: Some(ResourceAttributes {
                    group: Some(self.group.to_owned()),
                    resource: Some(self.resource.to_owned()),
                    subresource: self.part.map(str::to_owned),
                    namespace: self.within.map(str::to_owned),
                    verb: Some(self.verb.to_owned()),
                    ..ResourceAttributes::default()
                }),
                ..SelfSubjectAccessReviewSpec::default()
            },
            ..SelfSubjectAccessReview::default()
        };
        match api.create(&PostParams::default(), &review).await {
            Ok(answer) => answer.status.is_none_or(|status| status.allowed),
            Err(_) => true,
        }
    }
}

/// Whether we may open ways into pods: `create` is the right to do so as streams, `get` that as channels of a websocket.
pub(super) async fn to_dial(cluster: &Cluster, namespace: Option<&str>) -> Result<(), Missing> {
    let namespace = namespace.unwrap_or(&cluster.namespace);
    for verb in ["create", "get"] {
        let right = Right {
            verb,
            group: "",
            resource: "pods",
            part: Some("portforward"),
            within: Some(namespace),
        };
        if right.is_given(cluster).await {
            return Ok(());
        }
    }
    Err(Missing {
        reason: format!("may not open ways into pods of {namespace}"),
        hint: Some("a role with `create` of `pods/portforward` allows it".to_owned()),
    })
}
