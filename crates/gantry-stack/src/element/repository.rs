//! A repository of charts.

use super::{Element, Field, Kind, field};

/// One `[repositories.NAME]`.
pub static REPOSITORY: Element = Element::new(
    "repository",
    "A repository of charts, which a chart names as `NAME/CHART`. A text alone is its address.",
    FIELDS,
)
.short("url");

const FIELDS: &[Field] = &[
    field(
        "url",
        Kind::Template,
        "Its address: `https://…` or `oci://…`.",
    )
    .required(),
    field(
        "ca-file",
        Kind::Path,
        "Certificates to trust, beside the system's.",
    ),
    field("username", Kind::Secretive, "Who logs in."),
    field("password", Kind::Secretive, "With what."),
];
