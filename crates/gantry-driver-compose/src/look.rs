//! Looking at the containers of projects.

use std::collections::HashMap;

use futures::StreamExt as _;
use gantry_container_engine::engine::Engine;
use gantry_container_engine::listing::{self, Listed};
use gantry_container_engine::owner::Owner;
use gantry_container_engine::state::{self, State};
use gantry_core::InstanceId;
use gantry_driver::DriverError;

/// The labels that every Compose puts on what it makes.
pub(crate) const PROJECT: &str = "com.docker.compose.project";
const PART: &str = "com.docker.compose.service";
const NUMBER: &str = "com.docker.compose.container-number";
const ONE_OFF: &str = "com.docker.compose.oneoff";

/// How many containers are looked at at once.
const AT_ONCE: usize = 16;

/// One container of ours.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) instance: InstanceId,
    /// The service of the project.
    pub(crate) part: String,
    /// Which of its containers, from 1.
    pub(crate) number: u32,
    pub(crate) state: State,
}

/// The service of a project that a container with these labels is of; `None` for what was started once, by
/// `run`.
pub(crate) fn part(labels: &HashMap<String, String>) -> Option<(String, u32)> {
    if labels.get(ONE_OFF).is_some_and(|it| it == "True") {
        return None;
    }
    let number = labels.get(NUMBER).and_then(|number| number.parse().ok());
    Some((labels.get(PART)?.clone(), number.unwrap_or(1)))
}

/// Every container of the stack's projects.
pub(crate) async fn all(engine: &Engine, owner: &Owner) -> Result<Vec<Seen>, DriverError> {
    let listed = listing::all(engine, &owner.filter()).await?;
    let ours = listed
        .into_iter()
        .filter(|one| owner.owns(&one.labels) && part(&one.labels).is_some());
    let looks = ours.map(|found| async move { one(engine, owner, &found.id).await });
    let looks: Vec<_> = futures::stream::iter(looks)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    // One that was removed in the meantime is none.
    let all: Result<Vec<_>, _> = looks.into_iter().filter_map(Result::transpose).collect();
    let mut all = all?;
    all.sort_by(|one, other| (&one.part, one.number).cmp(&(&other.part, other.number)));
    Ok(all)
}

/// The container of this id, if there is one and it is ours.
pub(crate) async fn one(
    engine: &Engine,
    owner: &Owner,
    id: &str,
) -> Result<Option<Seen>, DriverError> {
    let Some(state) = state::inspect(engine, id).await? else {
        return Ok(None);
    };
    let found = owner.instance(&state.labels).zip(part(&state.labels));
    Ok(found.map(|(instance, (part, number))| Seen {
        instance,
        part,
        number,
        state,
    }))
}

/// All containers of a project, whoever made them.
pub(crate) async fn in_project(engine: &Engine, project: &str) -> Result<Vec<Listed>, DriverError> {
    listing::all(engine, &format!("{PROJECT}={project}")).await
}
