//! Which engine would be chosen, and why not another.

use std::collections::BTreeMap;

use futures::future::join_all;
use gantry_driver::{Candidate, DriverError, Offer, Standing};

use crate::engine::{self, CHOICE, Engine, Place};

/// A place that was looked at.
#[derive(Debug)]
pub struct Looked {
    /// Where.
    pub place: Place,
    /// The engine there.
    pub found: Result<Engine, DriverError>,
}

/// Looks at every place of a choice at once, in the order of preference.
pub async fn look(choice: &str, env: &BTreeMap<String, String>) -> Vec<Looked> {
    let looks = engine::places(choice, env).into_iter().map(|place| async {
        let found = engine::at(&place).await;
        Looked { place, found }
    });
    join_all(looks).await
}

/// The engine that is chosen of these.
pub fn chosen(looked: &[Looked]) -> Option<&Engine> {
    looked.iter().find_map(|one| one.found.as_ref().ok())
}

/// What a choice comes to, in a driver's words.
pub fn offer(choice: &str, env: &BTreeMap<String, String>, looked: &[Looked]) -> Offer {
    let first = looked.iter().position(|one| one.found.is_ok());
    let candidates = looked.iter().enumerate().map(|(number, one)| Candidate {
        name: one.place.to_string(),
        chosen: first == Some(number),
        found: match &one.found {
            Ok(engine) if first == Some(number) => named(engine),
            Ok(engine) => format!("{}; an earlier one answers", named(engine)),
            Err(error) => error.reason.clone(),
        },
    });
    let (standing, found) = match chosen(looked) {
        Some(engine) => (
            Standing::Good,
            format!("{} at {}", named(engine), engine.place.address),
        ),
        None => (Standing::Missing, "no engine answers".to_owned()),
    };
    Offer {
        part: "engine".into(),
        choice: Some(choice.into()),
        standing,
        found,
        because: Some(because(choice, env)),
        candidates: candidates.collect(),
        hint: (standing == Standing::Missing)
            .then(|| format!("start Docker or Podman's service, or name the engine in {CHOICE}")),
    }
}

/// An engine with its version.
fn named(engine: &Engine) -> String {
    format!("{} {}", engine.kind, engine.version)
}

/// Why these places are looked at.
fn because(choice: &str, env: &BTreeMap<String, String>) -> String {
    let set = env.get(CHOICE).filter(|value| !value.is_empty());
    match (choice, set) {
        ("" | "auto", Some(set)) if set != "auto" => format!("{CHOICE} is `{set}`"),
        ("" | "auto", _) => format!("nothing chooses ({CHOICE} does not): the first that answers"),
        (choice, _) => format!("the stack file says `engine = \"{choice}\"`"),
    }
}
