//! What a command cannot do of what a stack file asks for: said before anything starts.

use crate::cli::{Cli, Family};
use crate::spec::Spec;

/// What to do about it.
pub(crate) const HINT: &str = "install Docker's Compose, which works with Podman too, and name it in GANTRY_COMPOSE: `docker-compose`";

/// All that it cannot do, one a sentence.
pub(crate) fn of(cli: &Cli, spec: &Spec) -> Vec<String> {
    if cli.family != Family::PodmanCompose {
        return Vec::new();
    }
    let name = cli.name();
    let mut all = Vec::new();
    if let count @ 2.. = spec.env_files.len() {
        all.push(format!(
            "`{name}` takes one env file, and `env-files` names {count}"
        ));
    }
    let first = spec.files.first().and_then(|file| file.parent());
    if let Some(folder) = spec.folder.as_deref().filter(|it| Some(*it) != first) {
        all.push(format!(
            "`{name}` begins relative paths in the folder of the first file, and `folder` is {folder}"
        ));
    }
    all
}

#[cfg(test)]
mod tests;
