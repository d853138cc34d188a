//! How much of the machine a service may take.

use super::scalar::{NUMBER, SIZE};
use super::{Element, Field, Kind, field};

/// `resources`.
pub static RESOURCES: Element = Element::new(
    "resources",
    "How much of the machine a service may take. What is absent is not limited.",
    FIELDS,
);

const FIELDS: &[Field] = &[
    field(
        "memory",
        Kind::Scalar(&SIZE),
        "Memory; what goes beyond is killed by the kernel.",
    ),
    field(
        "cpus",
        Kind::Scalar(&NUMBER),
        "Processors; 1.5 is one and a half.",
    ),
    field("pids", Kind::Integer(1, i64::MAX), "Processes and threads."),
    field(
        "open-files",
        Kind::Integer(1, i64::MAX),
        "Open files of each process.",
    ),
    field(
        "io-weight",
        Kind::Integer(1, 10_000),
        "Its share of what disks can do when others want them too; everybody else has 100.",
    ),
];
