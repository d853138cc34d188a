//! Which Compose command would be chosen, and why not another.

use gantry_container_engine::survey;
use gantry_driver::{Candidate, Offer, Standing, Surveyor};

use crate::cli::{self, Looked};
use crate::spec;

/// The commands for the engines of these services, or for the one of those that do not say which.
pub(crate) async fn of(surveyor: Surveyor<'_>) -> Vec<Offer> {
    let mut choices: Vec<String> = surveyor
        .specs
        .iter()
        .map(|spec| spec::engine_of(spec))
        .collect();
    choices.sort_unstable();
    choices.dedup();
    if choices.is_empty() {
        choices.push("auto".to_owned());
    }
    let offers = choices.iter().map(|choice| one(surveyor, choice));
    futures::future::join_all(offers).await
}

async fn one(surveyor: Surveyor<'_>, choice: &str) -> Offer {
    let engines = survey::look(choice, surveyor.environment).await;
    let engine = survey::chosen(&engines);
    let named = surveyor.environment.get(cli::CHOICE);
    let named = named.map(|name| name.trim()).filter(|it| !it.is_empty());
    let looked = cli::look(surveyor.host, engine, named).await;
    let first = looked.iter().position(|one| one.found.is_ok());
    let (standing, found) = match (first.map(|first| &looked[first]), engine) {
        (Some(Looked { name, found }), Some(engine)) => {
            let version = found.as_ref().map_or("", |cli| &cli.version);
            let engine = format!("{} at {}", engine.kind, engine.place.address);
            (Standing::Good, format!("{name} {version} for {engine}"))
        }
        (None, Some(engine)) => {
            let reason = format!("no Compose command for {} answers", engine.kind);
            (Standing::Missing, reason)
        }
        (Some(_), None) => (
            Standing::Missing,
            "there are commands, and no engine that they could use".to_owned(),
        ),
        (None, None) => (
            Standing::Missing,
            "neither an engine nor a Compose command answers".to_owned(),
        ),
    };
    let candidates = looked.iter().enumerate().map(|(number, one)| {
        let chosen = first == Some(number) && engine.is_some();
        Candidate {
            name: one.name.clone(),
            chosen,
            found: match &one.found {
                Ok(cli) if chosen || engine.is_none() => cli.version.clone(),
                Ok(cli) => format!("{}; an earlier one answers", cli.version),
                Err(reason) => reason.clone(),
            },
        }
    });
    Offer {
        part: "command".into(),
        choice: Some(choice.into()),
        standing,
        found,
        because: Some(match named {
            Some(name) => format!("{} is `{name}`", cli::CHOICE),
            None => format!(
                "nothing chooses ({} does not): the first that answers",
                cli::CHOICE
            ),
        }),
        candidates: candidates.collect(),
        hint: (first.is_none())
            .then(|| "install Docker's Compose plug-in, or podman-compose".to_owned()),
    }
}
