//! What of a running project is made of an image that is another one once it is built again.

use gantry_container_engine::image;
use gantry_core::{Failure, InstanceId, Stage};
use gantry_driver::{DriverError, Make, Outdated, Recorded};
use smol_str::{SmolStr, format_smolstr};

use crate::asking::Asking;
use crate::cli::Ask;
use crate::context::Context;
use crate::look;
use crate::project::Project;
use crate::record;
use crate::spec::Spec;

/// How a user would name what changed.
const IMAGE: &str = "image";

/// Builds, if all is to be made afresh, and gives the instances of which a container is of an older image. Otherwise it is
/// as with Compose itself: an image that is there is taken as it is.
pub(crate) async fn of(
    context: &Context,
    running: Vec<(InstanceId, Recorded)>,
    make: Make,
) -> Outdated {
    let mut outdated = Vec::new();
    if make != Make::Afresh {
        return Ok(outdated);
    }
    for (instance, from) in running {
        match is_built_anew(context, &instance, &from).await {
            Ok(false) => {}
            Ok(true) => outdated.push((instance, SmolStr::new_static(IMAGE))),
            Err(error) => {
                let failure: Failure = error.into_failure(Stage::Start);
                return Err((instance, failure));
            }
        }
    }
    Ok(outdated)
}

async fn is_built_anew(
    context: &Context,
    instance: &InstanceId,
    from: &Recorded,
) -> Result<bool, DriverError> {
    let spec = Spec::read(&from.spec)?;
    let name = spec.project(&context.stack, instance);
    let asking = Asking::of(&spec, &from.settings, name.clone());
    let project = context.config(instance, &asking, &spec.services).await?;
    let parts = own_builds(context, instance, &project);
    if parts.is_empty() {
        return Ok(false);
    }
    let family = context.cli().await?.family;
    let over = record::labels_path(&context.stack, instance);
    // Beside what changes the project, since it changes nothing of it.
    let build = Ask {
        name: format_smolstr!("compose build of {instance}"),
        ..asking.build(family, instance, &over, &parts)
    };
    context.build(build).await?;
    let api = &context.engine.api;
    for one in look::in_project(&context.engine, &name).await? {
        if !look::part(&one.labels).is_some_and(|(part, _)| parts.contains(&part)) {
            continue;
        }
        // What cannot be seen now is not ended for it.
        let Ok(found) = api.inspect_container(&one.id, None).await else {
            continue;
        };
        let called = found.config.and_then(|config| config.image);
        let Some(newest) = called else { continue };
        let Ok(newest) = api.inspect_image(&newest).await else {
            continue;
        };
        if !image::is_same(&context.engine, &newest, found.image.as_deref()).await {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The parts of its own that can be built. What it only needs is another's.
fn own_builds(context: &Context, instance: &InstanceId, project: &Project) -> Vec<String> {
    let records = record::all(&context.stack).into_iter();
    let own = records.filter(|(other, _)| other == instance);
    own.flat_map(|(_, record)| record.parts)
        .filter(|part| project.services.get(part).is_some_and(|part| part.builds))
        .collect()
}
