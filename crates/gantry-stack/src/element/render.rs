//! Where templates are rendered to.

use super::{Element, Field, Kind, field};

/// `render` of the stack.
pub static RENDER: Element = Element::new(
    "render",
    "Where templates are rendered to. A text alone is the folder.",
    FIELDS,
)
.short("build-dir");

const FIELDS: &[Field] = &[
    field(
        "build-dir",
        Kind::Path,
        "The build folder; `build` beside the stack file if absent. Only what gantry wrote there is ever removed.",
    ),
    field(
        "root",
        Kind::Path,
        "The template of the project's first file, which has what the others share, such as networks. If absent, a file \
         is made with the networks that services name and no file declares.",
    ),
    field(
        "config",
        Kind::Path,
        "A `config.yml` whose whole content templates see in place of the stack file's own.",
    ),
];
