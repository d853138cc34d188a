//! When and how fast a service is started again.

use super::scalar::{BACKOFF, DURATION, SPAN};
use super::{Element, Field, Kind, field};

/// `restart`.
pub static RESTART: Element = Element::new(
    "restart",
    "When and how fast a service is started again after it ended by itself. A word alone is the policy.",
    FIELDS,
)
.short("policy");

const POLICIES: &[(&str, &str)] = &[
    ("never", "it stays as it ended"),
    ("on-failure", "after a bad end; a good end is `completed`"),
    ("always", "whenever it ends"),
];

const FIELDS: &[Field] = &[
    field("policy", Kind::Word(POLICIES), "After which end.").default("\"on-failure\""),
    field(
        "backoff",
        Kind::Scalar(&BACKOFF),
        "The first and the longest wait; each one doubles the one before it, give or take a quarter.",
    )
    .default("\"200ms..30s\""),
    field(
        "max",
        Kind::Integer(0, u32::MAX as i64),
        "So many restarts within `window`, then it is a crash loop and `failed`. 0 means no ceiling.",
    )
    .default("5"),
    field("window", Kind::Scalar(&SPAN), "The window of the ceiling.").default("\"10m\""),
    field(
        "stable",
        Kind::Scalar(&DURATION),
        "Up for so long, the waits begin at the first again.",
    )
    .default("\"10s\""),
];
