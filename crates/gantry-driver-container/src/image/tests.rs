use bollard::models::{CreateImageInfo, ProgressDetail};
use gantry_core::FailureKind;
use gantry_driver::DriverError;

use super::{Layers, kind, tagged};

fn step(id: &str, status: &str, bytes: Option<(i64, i64)>) -> CreateImageInfo {
    CreateImageInfo {
        id: Some(id.to_owned()),
        status: Some(status.to_owned()),
        progress_detail: bytes.map(|(current, total)| ProgressDetail {
            current: Some(current),
            total: Some(total),
        }),
        ..CreateImageInfo::default()
    }
}

#[test]
fn layers_are_summed_up() {
    const MIB: i64 = 1024 * 1024;
    let mut layers = Layers::default();
    layers.take(step("1.4", "Pulling from library/shop", None));
    assert_eq!(layers.words(), None);
    layers.take(step("a", "Already exists", None));
    layers.take(step("b", "Pulling fs layer", None));
    assert_eq!(layers.words().as_deref(), Some("1 of 2 layers"));
    layers.take(step("b", "Downloading", Some((10 * MIB, 40 * MIB))));
    assert_eq!(
        layers.words().as_deref(),
        Some("1 of 2 layers, 10 of 40 MiB")
    );
    layers.take(step("b", "Extracting", Some((MIB, 40 * MIB))));
    layers.take(step("b", "Pull complete", None));
    assert_eq!(
        layers.words().as_deref(),
        Some("2 of 2 layers, 40 of 40 MiB")
    );
}

#[test]
fn what_no_further_try_brings_is_known() {
    let said = |text: &str| kind(&DriverError::transient("pull", text));
    let permanent = [
        "reading manifest 1 in localhost/x: manifest unknown",
        "pull access denied for x, repository does not exist",
    ];
    for text in permanent {
        assert_eq!(said(text), FailureKind::Permanent, "{text}");
    }
    assert_eq!(said("dial tcp: connection refused"), FailureKind::Transient);
    let away = DriverError::unreachable("pull", "the engine is not found");
    assert_eq!(kind(&away), FailureKind::Unreachable);
}

#[test]
fn an_image_has_a_tag() {
    for (name, full) in [
        ("shop", "shop:latest"),
        ("shop:1", "shop:1"),
        ("localhost:5000/shop", "localhost:5000/shop:latest"),
        ("shop@sha256:00", "shop@sha256:00"),
    ] {
        assert_eq!(tagged(name), full);
    }
}
