//! Services that are named on the command line.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::nearest::did_you_mean;
use crate::short_name::{Meaning, meaning};
use crate::span::Span;

/// The service that a flag means; a complaint if there is none, or several. `by` is the flag as it was given.
pub(super) fn service<'k>(
    diagnostics: &mut Diagnostics,
    by: &str,
    name: &str,
    known: impl Iterator<Item = &'k str> + Clone,
) -> Option<&'k str> {
    match meaning(name, known.clone()) {
        Meaning::One(name) => Some(name),
        Meaning::Unknown => {
            let message = format!("`{by}`: there is no service `{name}`");
            let wrong = Diagnostic::error("unknown-service", Span::NONE, message);
            diagnostics.push(wrong.hint_if(did_you_mean(name, known)));
            None
        }
        Meaning::Several(names) => {
            let message = format!("`{by}`: `{name}` may be {}", names.join(" or "));
            let wrong = Diagnostic::error("ambiguous-service", Span::NONE, message);
            diagnostics.push(wrong.hint("write the whole name"));
            None
        }
    }
}
