//! Which services are in.

use std::collections::HashMap;

use gantry_core::ServiceName;
use smol_str::SmolStr;

use super::{Draft, Loading, services};
use crate::diagnostic::Diagnostic;
use crate::nearest::did_you_mean;
use crate::short_name::{Meaning, meaning};
use crate::span::Span;

/// Leaves out the services whose profiles are not active, unless they are named or needed. Gives back
/// those that are left out.
pub(super) fn choose(
    loading: &mut Loading<'_>,
    drafts: &mut Vec<Draft<'_>>,
) -> Vec<(ServiceName, Vec<SmolStr>)> {
    let active = &loading.options.profiles;
    unknown_profiles(loading, drafts);
    let all: Vec<&str> = services::names(drafts).collect();
    let named = loading.options.services.iter();
    let named: Vec<String> = named
        .filter_map(|name| match meaning(name, all.iter().copied()) {
            Meaning::One(name) => Some(name.to_owned()),
            _ => None,
        })
        .collect();
    let is_in = |draft: &Draft<'_>| {
        named.iter().any(|name| *name == *draft.name)
            || draft.service.as_ref().is_none_or(|service| {
                service.profiles.is_empty()
                    || service
                        .profiles
                        .iter()
                        .any(|one| active.iter().any(|name| name == one || name == "*"))
            })
    };
    let mut chosen: Vec<bool> = drafts.iter().map(is_in).collect();
    if chosen.iter().all(|chosen| *chosen) {
        return Vec::new();
    }
    let index: HashMap<&str, usize> = services::names(drafts).zip(0..).collect();
    let mut queue: Vec<usize> = (0..drafts.len()).filter(|at| chosen[*at]).collect();
    while let Some(at) = queue.pop() {
        let edges = drafts[at]
            .service
            .iter()
            .flat_map(|service| &service.depends_on);
        for target in edges.filter_map(|edge| index.get(edge.service.as_str())) {
            if !std::mem::replace(&mut chosen[*target], true) {
                queue.push(*target);
            }
        }
    }
    let mut out = Vec::new();
    let mut chosen = chosen.into_iter();
    drafts.retain(|draft| {
        let keep = chosen.next().unwrap_or(true);
        if !keep && let (Ok(name), Some(service)) = (ServiceName::new(&draft.name), &draft.service)
        {
            out.push((name, service.profiles.clone()));
        }
        keep
    });
    out
}

/// A profile that no service has is a slip.
fn unknown_profiles(loading: &mut Loading<'_>, drafts: &[Draft<'_>]) {
    let services = drafts.iter().filter_map(|draft| draft.service.as_ref());
    let known: Vec<&str> = services
        .flat_map(|service| service.profiles.iter().map(SmolStr::as_str))
        .collect();
    // What is wrong may have had it.
    if drafts.iter().any(|draft| draft.service.is_none()) {
        return;
    }
    for profile in &loading.options.profiles {
        if profile == "*" || known.contains(&profile.as_str()) {
            continue;
        }
        let message = format!("`--profile {profile}`: no service has this profile");
        let wrong = Diagnostic::error("unknown-profile", Span::NONE, message);
        let hint = did_you_mean(profile, known.iter().copied());
        loading.diagnostics.push(wrong.hint_if(hint));
    }
}
