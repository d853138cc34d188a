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
    field(
        "helm",
        Kind::Either(&[Kind::Text, Kind::List(&Kind::Text)]),
        "The command that is Helm, as one text of words or a list; `helm` if absent. `GANTRY_HELM` goes before.",
    ),
    field(
        "helm-sudo",
        Kind::Bool,
        "Whether it is run by `sudo -n`; not if absent. `GANTRY_HELM_SUDO` goes before.",
    ),
    field(
        "kubectl",
        Kind::Either(&[Kind::Text, Kind::List(&Kind::Text)]),
        "The command that is kubectl, likewise: it reads kustomizations, and credentials where there is no configuration file. `GANTRY_KUBECTL` goes before.",
    ),
    field(
        "kubectl-sudo",
        Kind::Bool,
        "Whether that is run by `sudo -n`; as `helm-sudo` if absent. `GANTRY_KUBECTL_SUDO` goes before.",
    ),
];
