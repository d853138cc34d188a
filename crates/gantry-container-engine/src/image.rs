//! Comparing images.

use bollard::models::ImageInspect;

use crate::engine::Engine;

/// Whether an image is the one of this id, or differs from it in nothing that a container sees. Podman puts labels on an
/// image in any order, so that one of nothing new has an id of its own.
pub async fn is_same(engine: &Engine, newest: &ImageInspect, id: Option<&str>) -> bool {
    if newest.id.as_deref() == id {
        return true;
    }
    let old = match id {
        Some(id) => engine.api.inspect_image(id).await.ok(),
        None => None,
    };
    old.is_some_and(|old| old.root_fs == newest.root_fs && old.config == newest.config)
}
