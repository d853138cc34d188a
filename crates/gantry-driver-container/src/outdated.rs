//! What runs from an image that would be built otherwise now.

use std::collections::HashMap;

use bollard::models::ImageInspect;
use gantry_container_engine::image;
use gantry_core::{Failure, InstanceId, ServiceName};
use gantry_driver::{Make, Outdated, Recorded};
use smol_str::SmolStr;

use crate::link::Context;
use crate::spec::Spec;

/// How a user would name what changed.
const FOLDER: &str = "build folder";
const IMAGE: &str = "image";

/// The instances whose folders have changed since their images were built. If all is to be made afresh, those whose
/// images are others after that.
pub(crate) async fn of(
    context: &Context,
    running: Vec<(InstanceId, Recorded)>,
    make: Make,
) -> Outdated {
    let mut outdated = Vec::new();
    // The instances of a service have one image.
    let mut images: HashMap<ServiceName, Option<Image>> = HashMap::new();
    for (instance, from) in running {
        if !images.contains_key(&instance.service) {
            let image = wanted(context, &instance, &from, make).await?;
            images.insert(instance.service.clone(), image);
        }
        let Some(Some(image)) = images.get(&instance.service) else {
            continue;
        };
        let place = context.place(&instance);
        // What cannot be seen now is not ended for it.
        let Ok(found) = context.engine.api.inspect_container(&place, None).await else {
            continue;
        };
        let named = found.config.and_then(|config| config.image);
        // Podman puts a host before it.
        let same_name = named.is_none_or(|name| name.ends_with(&image.name));
        if !same_name {
            outdated.push((instance, SmolStr::new_static(FOLDER)));
        } else if let Some(newest) = &image.found
            && !image::is_same(&context.engine, newest, found.image.as_deref()).await
        {
            outdated.push((instance, SmolStr::new_static(IMAGE)));
        }
    }
    Ok(outdated)
}

/// What an instance would run from now.
struct Image {
    name: String,
    /// What has that name, if it was made afresh.
    found: Option<ImageInspect>,
}

async fn wanted(
    context: &Context,
    instance: &InstanceId,
    from: &Recorded,
    make: Make,
) -> Result<Option<Image>, (InstanceId, Failure)> {
    let spec = Spec::read(&from.spec).ok();
    let Some((spec, build)) = spec.as_ref().and_then(|it| Some((it, it.build.as_ref()?))) else {
        return Ok(None);
    };
    let wanted = context.build(&instance.service, spec, build);
    if make != Make::Afresh {
        // A folder that cannot be read ends nobody's life.
        let name = wanted.name().await.ok();
        return Ok(name.map(|name| Image { name, found: None }));
    }
    let name = wanted.image(make, &|_| ()).await;
    let name = name.map_err(|unbuilt| (instance.clone(), unbuilt.into_failure()))?;
    let found = context.engine.api.inspect_image(&name).await.ok();
    Ok(Some(Image { name, found }))
}
