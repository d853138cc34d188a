//! Passwords of registries, where the user's own clients keep them.
//!
//! They are read, or asked of the program that keeps them, when an image is fetched, given to the engine for that one
//! request, and kept nowhere.

mod file;
mod helper;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use bollard::auth::DockerCredentials;
use camino::{Utf8Path, Utf8PathBuf};
use gantry_driver::HostJobs;

use crate::engine::Kind;
use file::{Entry, File, Helper};

/// The registry of images whose names have none, and what clients file its password under.
const USUAL: &str = "docker.io";
const USUAL_KEYS: [&str; 3] = ["index.docker.io", "docker.io", "registry-1.docker.io"];
const USUAL_SERVER: &str = "https://index.docker.io/v1/";

/// The files of a user's clients.
#[derive(Clone)]
pub(crate) struct Logins {
    docker: Vec<Utf8PathBuf>,
    podman: Vec<Utf8PathBuf>,
    /// What asks programs that keep logins.
    host: Option<Arc<dyn HostJobs>>,
}

/// What is known of an image's registry.
pub(crate) struct Login {
    pub(crate) credentials: Option<DockerCredentials>,
    story: Story,
}

/// Where a login came from, or why there is none.
#[derive(Debug, PartialEq, Eq)]
enum Story {
    From(Utf8PathBuf),
    /// The program that a file names gave it.
    Given(String, Utf8PathBuf),
    /// It did not, and why.
    NotGiven(String, Utf8PathBuf, String),
    Nowhere(Vec<Utf8PathBuf>),
    Unreadable(String),
}

impl Logins {
    /// The places where this environment's clients keep passwords.
    pub(crate) fn of(
        environment: &BTreeMap<String, String>,
        host: Option<Arc<dyn HostJobs>>,
    ) -> Self {
        let set = |name: &str| {
            let value = environment.get(name).filter(|value| !value.is_empty());
            value.map(Utf8Path::new)
        };
        let home = |rest: &str| set("HOME").map(|home| home.join(rest));
        let docker = match set("DOCKER_CONFIG") {
            Some(folder) => Some(folder.join("config.json")),
            None => home(".docker/config.json"),
        };
        let podman = if let Some(file) = set("REGISTRY_AUTH_FILE") {
            vec![file.to_owned()]
        } else {
            let uid = rustix::process::getuid().as_raw();
            let run = match set("XDG_RUNTIME_DIR") {
                Some(run) => run.join("containers/auth.json"),
                None => format!("/run/containers/{uid}/auth.json").into(),
            };
            let config = match set("XDG_CONFIG_HOME") {
                Some(config) => Some(config.join("containers/auth.json")),
                None => home(".config/containers/auth.json"),
            };
            std::iter::once(run).chain(config).collect()
        };
        Self {
            docker: docker.into_iter().collect(),
            podman,
            host,
        }
    }

    /// Those of the engine's own client first.
    fn files(&self, kind: Kind) -> impl Iterator<Item = &Utf8PathBuf> {
        let (first, second) = match kind {
            Kind::Docker => (&self.docker, &self.podman),
            Kind::Podman => (&self.podman, &self.docker),
        };
        first.iter().chain(second)
    }

    /// The login for an image's registry.
    pub(crate) async fn of_image(&self, kind: Kind, image: &str) -> Login {
        let keys = keys(image);
        let mut story = None;
        for path in self.files(kind) {
            let file = match File::read(path) {
                Ok(Some(file)) => file,
                Ok(None) => continue,
                Err(why) => {
                    story.get_or_insert(Story::Unreadable(format!("{path} {why}")));
                    continue;
                }
            };
            let (credentials, from) = match file.find(&keys) {
                Some(Entry::Known(credentials)) => (credentials, Story::From(path.clone())),
                Some(Entry::Helper(it)) => match self.ask(&it).await {
                    Ok(credentials) => (credentials, Story::Given(it.name, path.clone())),
                    Err(why) => {
                        story.get_or_insert(Story::NotGiven(it.name, path.clone(), why));
                        continue;
                    }
                },
                None => continue,
            };
            return Login {
                credentials: Some(credentials),
                story: from,
            };
        }
        Login {
            credentials: None,
            story: story.unwrap_or_else(|| Story::Nowhere(self.files(kind).cloned().collect())),
        }
    }

    /// All that are known, by their registries: an image may be built from others.
    pub(crate) async fn all(&self, kind: Kind) -> HashMap<String, DockerCredentials> {
        let mut all = HashMap::new();
        for path in self.files(kind) {
            // What cannot be read, or is not given, is told when a registry refuses.
            let file = File::read(path).ok().flatten().unwrap_or_default();
            for (key, credentials) in file.known() {
                all.entry(key).or_insert(credentials);
            }
            for (key, helper) in file.helpers() {
                if !all.contains_key(&key)
                    && let Ok(credentials) = self.ask(&helper).await
                {
                    all.insert(key, credentials);
                }
            }
        }
        all
    }

    async fn ask(&self, helper: &Helper) -> Result<DockerCredentials, String> {
        match &self.host {
            Some(host) => helper::ask(host, &helper.name, &helper.server).await,
            None => Err("cannot be asked here".to_owned()),
        }
    }
}

/// Says what was tried, never what is secret.
impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.story {
            Story::From(path) => write!(f, "the login of {path} was used"),
            Story::Given(name, path) => {
                let program = helper::program(name);
                write!(f, "the login was used that {path} leaves to `{program}`")
            }
            Story::NotGiven(name, path, why) => {
                let program = helper::program(name);
                write!(f, "{path} leaves the password to `{program}`, which {why}")
            }
            Story::Nowhere(files) => {
                let files: Vec<_> = files.iter().map(|file| file.as_str()).collect();
                write!(f, "there is no login for it in {}", files.join(" or "))
            }
            Story::Unreadable(why) => f.write_str(why),
        }
    }
}

/// What the login for an image may be filed under, the most special first.
fn keys(image: &str) -> Vec<String> {
    let (first, rest) = image.split_once('/').unwrap_or(("", image));
    let is_registry = first.contains(['.', ':']) || first == "localhost";
    if !is_registry || first == USUAL {
        return USUAL_KEYS.map(str::to_owned).to_vec();
    }
    // Podman knows logins for parts of a registry.
    let name = rest.split('@').next().unwrap_or(rest);
    let name = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    };
    let mut keys = vec![format!("{first}/{name}")];
    while let Some((above, _)) = keys[keys.len() - 1].rsplit_once('/') {
        keys.push(above.to_owned());
    }
    keys
}

#[cfg(test)]
mod tests;
