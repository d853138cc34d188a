//! Which mode each service runs in.

use smol_str::SmolStr;

use super::{Draft, Loading, named, services};
use crate::diagnostic::Diagnostic;
use crate::element::mode::{self, NAMES};
use crate::nearest::did_you_mean;
use crate::span::Span;

/// What asks for a mode.
struct Wish {
    mode: SmolStr,
    /// For a message: "`--mode helm`".
    by: String,
    /// Whether it was asked of this service alone.
    of_one: bool,
    span: Span,
}

/// Selects each draft's mode: by flag, by `GANTRY_MODE`, by the service, by the stack, or because
/// there is only one.
pub(super) fn select(loading: &mut Loading<'_>, drafts: &mut [Draft<'_>], of_stack: Option<&str>) {
    let mut all: Option<Wish> = None;
    let mut of_one: Vec<(String, Wish)> = Vec::new();
    let environment = loading.options.environment.iter();
    let variable = environment.filter(|(name, value)| name == "GANTRY_MODE" && !value.is_empty());
    let from_environment = variable.map(|(_, value)| (value, format!("GANTRY_MODE={value}")));
    let flags = loading.options.modes.iter();
    let from_flags = flags.map(|value| (value, format!("--mode {value}")));
    let asked: Vec<(String, String)> = from_environment
        .chain(from_flags)
        .flat_map(|(value, by)| {
            value
                .split(',')
                .map(move |one| (one.trim().to_owned(), by.clone()))
                .collect::<Vec<_>>()
        })
        .collect();
    for (text, by) in asked {
        let (service, name) = match text.split_once('=') {
            Some((service, name)) => (Some(service.to_owned()), name),
            None => (None, text.as_str()),
        };
        if !NAMES.iter().any(|(known, _)| *known == name) {
            let hint = did_you_mean(name, NAMES.iter().map(|mode| mode.0)).unwrap_or_else(|| {
                let names: Vec<&str> = NAMES.iter().map(|mode| mode.0).collect();
                format!("the modes are {}", names.join(", "))
            });
            let message = format!("`{by}`: there is no mode `{name}`");
            let wrong = Diagnostic::error("unknown-mode", Span::NONE, message);
            loading.diagnostics.push(wrong.hint(hint));
            continue;
        }
        let wish = Wish {
            mode: name.into(),
            by: format!("`{by}`"),
            of_one: service.is_some(),
            span: Span::NONE,
        };
        match service {
            None => all = Some(wish),
            Some(service) => {
                let names = services::names(drafts);
                if let Some(name) = named::service(loading.diagnostics, &by, &service, names) {
                    of_one.push((name.to_owned(), wish));
                }
            }
        }
    }
    if let Some(wish) = &all
        && !drafts.is_empty()
        && !drafts
            .iter()
            .any(|draft| offered(draft).contains(&wish.mode.as_str()))
    {
        let message = format!("{} was asked for, and no service offers that mode", wish.by);
        loading.error("mode-not-offered", Span::NONE, message);
        all = None;
    }
    for draft in drafts {
        let own = draft.node.at(["mode"]);
        let own = own.and_then(|node| Some((node.as_str()?, node.span)));
        // Any other word was complained about already.
        let own = own.filter(|(mode, _)| NAMES.iter().any(|(known, _)| known == mode));
        let flagged = of_one
            .iter()
            .rev()
            .find(|(service, _)| *service == *draft.name);
        let wish = flagged.map(|(_, wish)| wish).or(all.as_ref());
        let from_file = own.map(|(mode, span)| Wish {
            mode: mode.into(),
            by: format!("`mode = \"{mode}\"`"),
            of_one: true,
            span,
        });
        let of_stack = of_stack.map(|mode| Wish {
            mode: mode.into(),
            by: format!("the stack's `mode = \"{mode}\"`"),
            of_one: false,
            span: draft.key,
        });
        let wish = wish.or(from_file.as_ref()).or(of_stack.as_ref());
        draft.mode = choose(loading, draft, wish);
    }
}

fn choose(
    loading: &mut Loading<'_>,
    draft: &Draft<'_>,
    wish: Option<&Wish>,
) -> Option<&'static str> {
    let offered = offered(draft);
    let list = || {
        offered
            .iter()
            .map(|mode| format!("`{mode}`"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    match (wish, offered.as_slice()) {
        (_, []) => {
            // What is no mapping at all was complained about already.
            draft.node.as_map()?;
            let message = format!("the service `{}` has no mode", draft.name);
            let example = format!(
                "add [services.{}.process] with `command = [\"program\"]`",
                draft.name
            );
            let wrong = Diagnostic::error("no-mode", draft.key, message).hint(example);
            loading.diagnostics.push(wrong);
            None
        }
        // What is asked of the whole stack is meant for the services that have a choice.
        (Some(wish), [only]) if !wish.of_one => Some(*only),
        (Some(wish), offered) => {
            let found = offered.iter().find(|mode| **mode == wish.mode).copied();
            if found.is_none() {
                let message = format!(
                    "{} was asked for, but the service `{}` offers {}",
                    wish.by,
                    draft.name,
                    list()
                );
                let span = if wish.span.is_none() {
                    draft.key
                } else {
                    wish.span
                };
                loading.error("mode-not-offered", span, message);
            }
            found
        }
        (None, [only]) => Some(*only),
        (None, _) => {
            let message = format!(
                "the service `{}` offers {}, and nothing says which to use",
                draft.name,
                list()
            );
            let wrong = Diagnostic::error("mode-not-chosen", draft.key, message)
                .hint("give `--mode NAME` or GANTRY_MODE, or write `mode = \"…\"` in the service or the stack");
            loading.diagnostics.push(wrong);
            None
        }
    }
}

/// The modes whose tables the service has.
fn offered(draft: &Draft<'_>) -> Vec<&'static str> {
    let has = |name: &str| draft.node.at([name]).is_some_and(|node| !node.is_null());
    let modes = mode::ALL.iter().map(|mode| mode.name);
    modes.filter(|name| has(name)).collect()
}
