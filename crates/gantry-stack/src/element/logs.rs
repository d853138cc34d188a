//! How the output of a service is kept.

use super::scalar::{SIZE, SPAN};
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
        "max-age",
        Kind::Scalar(&SPAN),
        "The age of a file's first line at which it is rotated, when the next line comes; no matter if absent.",
    ),
    field(
        "keep",
        Kind::Integer(0, 10_000),
        "How many rotated files are kept.",
    )
    .default("5"),
    field(
        "max-total",
        Kind::Scalar(&SIZE),
        "The size of all rotated files together beyond which the oldest are removed; no matter if absent.",
    ),
    field(
        "compress",
        Kind::Bool,
        "Whether rotated files are compressed (gzip). `false`: they stay readable with `cat`, their number bounds their size already, and no processor time is spent.",
    )
    .default("false"),
    field(
        "overflow",
        Kind::Word(OVERFLOWS),
        "What happens when the disk is full, or slower than the service.",
    )
    .default("\"block\""),
];
