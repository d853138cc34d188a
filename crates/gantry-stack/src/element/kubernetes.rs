//! What services of a cluster have in common.

use super::{Element, Field, Kind, field};

/// `[kubernetes]` of the stack.
pub static KUBERNETES_DEFAULTS: Element = Element::new(
    "kubernetes-defaults",
    "What the stack's services in a cluster have in common; a service's own keys win.",
    FIELDS,
);

const FIELDS: &[Field] = &[
    field(
        "context",
        Kind::Text,
        "The context of the configuration file.",
    ),
    field("kubeconfig", Kind::Path, "The configuration file."),
    field("namespace", Kind::Text, "The namespace."),
    field(
        "allow-contexts",
        Kind::List(&Kind::Text),
        "Contexts of clusters elsewhere that this stack may change. Without it, a stack that names no context acts on local clusters only.",
    ),
];
