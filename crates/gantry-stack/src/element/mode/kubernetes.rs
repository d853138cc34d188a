//! Manifests or a kustomization.

use super::super::scalar::{DURATION, EXPRESSION};
use super::super::{Element, Field, Kind, Names, field};

/// `[services.NAME.kubernetes]`.
pub static KUBERNETES: Element = Element::new(
    "kubernetes",
    "Manifests or a kustomization, applied to a cluster. A text alone is the manifests' path.",
    FIELDS,
)
.short("manifests")
.exclusive(&[&["manifests", "kustomize"]])
.one_of(&[&["manifests", "kustomize"]]);

const STOPS: &[(&str, &str)] = &[
    ("delete", "It is deleted, but for data."),
    (
        "scale",
        "Workloads are taken to no copies, and to as many as there were by the next start; everything else stays.",
    ),
];

/// About one object.
const WHEN: Kind = Kind::Scalar(&EXPRESSION);

const FIELDS: &[Field] = &[
    field(
        "manifests",
        Kind::OneOrMany(&Kind::Path),
        "Files with manifests, folders of such, or patterns with `*`.",
    ),
    field("kustomize", Kind::Path, "The folder of a kustomization."),
    field(
        "context",
        Kind::Template,
        "The context of the configuration file; the stack's, then the current one, if absent.",
    ),
    field(
        "kubeconfig",
        Kind::Path,
        "The configuration file; the stack's, then the usual one, if absent.",
    ),
    field(
        "namespace",
        Kind::Template,
        "The namespace of objects that name none; the stack's, then the context's, if absent.",
    ),
    field(
        "settle",
        Kind::Scalar(&DURATION),
        "How long a pod without a readiness probe must have run before it counts as ready.",
    )
    .default("\"2s\""),
    field(
        "ready-when",
        Kind::Map(Names::Object, &WHEN),
        "When objects are ready, by `KIND/NAME` (with `*` and `?`), as an expression in CEL about `self`.",
    ),
    field(
        "create-namespace",
        Kind::Bool,
        "Whether the namespace is made if it is not there.",
    )
    .default("false"),
    field(
        "images",
        Kind::Map(Names::Free, &Kind::Template),
        "Images to use in place of those that the manifests name.",
    ),
    field(
        "stop",
        Kind::Word(STOPS),
        "What a stop does with what was applied.",
    )
    .default("\"delete\""),
    field(
        "prune",
        Kind::Bool,
        "Whether objects that gantry applied, and that the manifests no longer have, are deleted.",
    )
    .default("true"),
];
