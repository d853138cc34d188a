//! The whole file.

use super::mode::NAMES;
use super::scalar::NAME;
use super::{Element, Field, KUBERNETES_DEFAULTS, Kind, Names, RENDER, REPOSITORY, SERVICE, field};

/// The whole file.
pub static STACK: Element = Element::new(
    "stack",
    "What one stack file, with its imports, describes.",
    FIELDS,
);

const FIELDS: &[Field] = &[
    field(
        "name",
        Kind::Scalar(&NAME),
        "Its name; if absent, that of its folder.",
    ),
    field("description", Kind::Text, "One line for people."),
    field(
        "mode",
        Kind::Word(NAMES),
        "The mode of services that offer several.",
    ),
    field(
        "imports",
        Kind::OneOrMany(&Kind::Text),
        "Further stack files, below this one: paths from this file's folder, with `*` if there may be several.",
    ),
    field(
        "env-files",
        Kind::OneOrMany(&Kind::Text),
        "Files with `NAME=value` lines, for `${NAME}` in this file.",
    ),
    field(
        "vars",
        Kind::Map(Names::Plain, &Kind::Any),
        "Values that `{{ vars.NAME }}` stands for.",
    ),
    field(
        "env",
        Kind::Map(Names::Variable, &Kind::Secretive),
        "The environment of every service, below its own.",
    ),
    field(
        "services",
        Kind::Map(Names::Service, const { &Kind::Element(&SERVICE) }),
        "Its services by name.",
    ),
    field(
        "repositories",
        Kind::Map(Names::Plain, const { &Kind::Element(&REPOSITORY) }),
        "Repositories of charts by name.",
    ),
    field(
        "kubernetes",
        Kind::Element(&KUBERNETES_DEFAULTS),
        "What services of a cluster have in common.",
    ),
    field(
        "render",
        Kind::Element(&RENDER),
        "Where templates of services are rendered to.",
    ),
];
