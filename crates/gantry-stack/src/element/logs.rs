//! How the output of a service is kept.

use super::scalar::SIZE;
use super::{Element, Field, Kind, field};

/// `logs`.
pub static LOGS: Element = Element::new("logs", "How the output of a service is kept.", FIELDS);

const OVERFLOWS: &[(&str, &str)] = &[
    ("block", "the service is held back; nothing is lost"),
    ("drop", "lines are dropped, and counted in the log"),
];

const FIELDS: &[Field] = &[
    field(
        "max-size",
        Kind::Scalar(&SIZE),
        "The size at which a file is rotated.",
    )
    .default("\"10MiB\""),
    field(
        "keep",
        Kind::Integer(0, 10_000),
        "How many rotated files are kept.",
    )
    .default("5"),
    field(
        "overflow",
        Kind::Word(OVERFLOWS),
        "What happens when the disk is full, or slower than the service.",
    )
    .default("\"block\""),
];
