use serde_json::{Value, json};

use super::of;
use crate::cli::{Cli, Family};
use crate::spec::Spec;

fn told(family: Family, spec: &Value) -> Vec<String> {
    let cli = Cli::sample(family);
    of(&cli, &Spec::read(spec).expect("a specification"))
}

#[test]
fn what_podman_compose_cannot_do_is_told_whole() {
    let wrong = json!({ "files": ["/a/compose.yaml"], "env-files": ["/a/1", "/a/2"], "folder": "/b", "project": "p" });
    assert_eq!(
        told(Family::PodmanCompose, &wrong),
        [
            "`podman-compose` takes one env file, and `env-files` names 2",
            "`podman-compose` begins relative paths in the folder of the first file, and `folder` is /b",
        ]
    );
    assert_eq!(told(Family::Compose, &wrong), [""; 0]);
    let right = json!({ "files": ["/a/compose.yaml"], "env-files": ["/a/1"], "folder": "/a", "project": "p" });
    assert_eq!(told(Family::PodmanCompose, &right), [""; 0]);
}
