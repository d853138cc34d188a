//! The Compose commands: which there are, in which order they are looked for, and how they differ.
//!
//! | command | what it is | engines | its engine is told by | differs in |
//! |---|---|---|---|---|
//! | `docker compose` | Compose 2, a plug-in of Docker's client | Docker, Podman | `DOCKER_HOST` | |
//! | `docker-compose` | the same as a program of its own; before 2.0 another program | Docker, Podman | `DOCKER_HOST` | |
//! | `podman compose` | runs one of the two others, as Podman's configuration says | Podman | `DOCKER_HOST`, `CONTAINER_HOST` | as what it runs |
//! | `podman-compose` | another program, on top of Podman's client | Podman | `CONTAINER_HOST` | ignores the conditions `service_healthy` and `service_completed_successfully` with a Podman before 4.6, or waits for ever; starts what has ended by then twice, and ends with 0 though a container was not made, so that it only makes them, and does not tell Podman who needs whom (`client.rs`); `config` prints YAML as it was written, without what no profile shows; one `--env-file`; no `--project-directory`; no `--pull`; takes down what it finds changed, whosever it is; makes a pod unless told otherwise; makes what a service needs anew with it, in spite of `--no-deps`; merges nothing into a key without a value |
//!
//! For Docker the first two are looked for, in this order; for Podman `podman compose` comes before, and
//! `podman-compose` last: what keeps more of the file's meaning is preferred, as Podman itself does.

use std::sync::Arc;
use std::time::Duration;

use camino::Utf8PathBuf;
use gantry_container_engine::engine::{Engine, Kind};
use gantry_driver::{DriverError, HostJobs, JobOutcome, JobRequest};
use smol_str::SmolStr;

/// The variable that chooses a command by its name.
pub(crate) const CHOICE: &str = "GANTRY_COMPOSE";

/// The oldest versions that work.
const OLDEST: (u32, u32) = (2, 0);
const OLDEST_PODMAN_COMPOSE: (u32, u32) = (1, 1);

/// How long a version may take to be told.
const QUICK: Duration = Duration::from_secs(20);

/// How many bytes of an answer are kept.
const CAPTURE: u64 = 8 * 1024 * 1024;

/// One command, and what it is for.
#[derive(Debug)]
struct Tool {
    words: &'static [&'static str],
    version: &'static [&'static str],
    engines: &'static [Kind],
}

/// In the order in which they are looked for.
const TOOLS: [Tool; 4] = [
    Tool {
        words: &["podman", "compose"],
        version: &["version", "--short"],
        engines: &[Kind::Podman],
    },
    Tool {
        words: &["docker", "compose"],
        version: &["version", "--short"],
        engines: &[Kind::Docker, Kind::Podman],
    },
    Tool {
        words: &["docker-compose"],
        version: &["version", "--short"],
        engines: &[Kind::Docker, Kind::Podman],
    },
    Tool {
        words: &["podman-compose"],
        version: &["--version"],
        engines: &[Kind::Podman],
    },
];

/// Whose program it is: what it understands, and how it behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// Docker's Compose.
    Compose,
    /// podman-compose.
    PodmanCompose,
}

impl Family {
    /// Whether it is only let make containers, which are then started without it: it starts one that has ended
    /// by then a second time, and says that all is well when it is not.
    pub(crate) fn only_makes(self) -> bool {
        self == Self::PodmanCompose
    }

    /// Whether it makes anew what a service needs, though it was told to leave that alone: whenever anything of the files
    /// has changed, and the file with our labels always has.
    pub(crate) fn takes_needs_along(self) -> bool {
        self == Self::PodmanCompose
    }

    /// Whether it refuses to merge anything into a key without a value.
    pub(crate) fn merges_no_nothing(self) -> bool {
        self == Self::PodmanCompose
    }

    /// Whether it can be told when to fetch images.
    pub(crate) fn pulls_as_told(self) -> bool {
        self == Self::Compose
    }

    /// Whether it can be told where relative paths start.
    pub(crate) fn project_directory(self) -> bool {
        self == Self::Compose
    }
}

/// A command that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cli {
    words: &'static [&'static str],
    pub(crate) family: Family,
    /// As it says.
    pub(crate) version: String,
    /// The variables that tell it which engine it is for.
    env: Vec<(String, String)>,
}

/// What is asked of a command.
#[derive(Debug)]
pub(crate) struct Ask {
    /// The name of the job.
    pub(crate) name: SmolStr,
    /// What stands behind the command.
    pub(crate) words: Vec<String>,
    /// Variables for the files.
    pub(crate) env: Vec<(String, String)>,
    /// Where it runs.
    pub(crate) folder: Utf8PathBuf,
    /// How long it may take.
    pub(crate) limit: Duration,
}

impl Cli {
    /// One that was not asked.
    #[cfg(test)]
    pub(crate) fn sample(family: Family) -> Self {
        let tool = &TOOLS[if family == Family::Compose { 1 } else { 3 }];
        Self {
            words: tool.words,
            family,
            version: String::new(),
            env: Vec::new(),
        }
    }

    /// As users write it.
    pub(crate) fn name(&self) -> String {
        self.words.join(" ")
    }

    /// Runs it.
    pub(crate) async fn run(
        &self,
        host: &Arc<dyn HostJobs>,
        ask: Ask,
    ) -> Result<JobOutcome, DriverError> {
        let words = self.words.iter().map(|word| (*word).to_owned());
        let mut env = self.env.clone();
        env.extend(ask.env);
        let job = JobRequest {
            command: words.chain(ask.words).collect(),
            folder: Some(ask.folder),
            ..job(ask.name, env, ask.limit)
        };
        host.run(job).await
    }

    /// Why it is too old, if it is.
    pub(crate) fn too_old(&self) -> Option<String> {
        let oldest = match self.family {
            Family::Compose => OLDEST,
            Family::PodmanCompose => OLDEST_PODMAN_COMPOSE,
        };
        let (name, version) = (self.name(), &self.version);
        (number(version)? < oldest).then(|| {
            let (major, minor) = oldest;
            format!("`{name}` is {version}, and {major}.{minor} is the oldest that works")
        })
    }
}

fn job(name: SmolStr, env: Vec<(String, String)>, time_limit: Duration) -> JobRequest {
    JobRequest {
        env,
        ..JobRequest::host(name, Vec::new(), time_limit, CAPTURE)
    }
}

/// The first two numbers of a version.
fn number(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.trim_start_matches('v').split(['.', '-', '+']);
    let mut next = || parts.next()?.parse().ok();
    Some((next()?, next()?))
}

/// Finds the command for an engine: the first that answers and is new enough. `choice` names one of the table,
/// or is empty.
pub(crate) async fn find(
    host: &Arc<dyn HostJobs>,
    engine: &Engine,
    choice: Option<&str>,
) -> Result<Cli, DriverError> {
    let mut tried = Vec::new();
    let mut old = None;
    let chosen = choice.map(str::trim).filter(|choice| !choice.is_empty());
    for tool in &TOOLS {
        let name = tool.words.join(" ");
        let wanted = match chosen {
            Some(choice) => choice == name,
            None => tool.engines.contains(&engine.kind),
        };
        if !wanted {
            continue;
        }
        match ask(host, tool, environment(engine)).await {
            Ok(cli) => match cli.too_old() {
                None => return Ok(cli),
                Some(reason) => old = old.or(Some(reason)),
            },
            Err(reason) => tried.push(format!("`{name}`: {reason}")),
        }
    }
    let reason = match (old, chosen) {
        (Some(reason), _) => reason,
        (None, Some(choice)) if tried.is_empty() => {
            let names = TOOLS.each_ref().map(|tool| tool.words.join(" "));
            format!(
                "{CHOICE} is `{choice}`, which is none of {}",
                names.join(", ")
            )
        }
        (None, _) => format!(
            "no Compose command for {} answers ({})",
            engine.kind,
            tried.join("; ")
        ),
    };
    Err(DriverError::permanent("compose", reason))
}

/// A command that was looked at.
#[derive(Debug)]
pub(crate) struct Looked {
    /// As users write it.
    pub(crate) name: String,
    /// What it is, or why it is passed over.
    pub(crate) found: Result<Cli, String>,
}

/// Looks at every command there may be for an engine, or for any if there is none, in the order of preference.
pub(crate) async fn look(
    host: &Arc<dyn HostJobs>,
    engine: Option<&Engine>,
    choice: Option<&str>,
) -> Vec<Looked> {
    let looks = TOOLS.iter().map(|tool| async move {
        let name = tool.words.join(" ");
        let found = match (engine, choice) {
            (_, Some(choice)) if choice != name => Err(format!("{CHOICE} is `{choice}`")),
            (Some(engine), None) if !tool.engines.contains(&engine.kind) => {
                Err(format!("it is not for {}", engine.kind))
            }
            (engine, _) => {
                let env = engine.map(environment).unwrap_or_default();
                let asked = ask(host, tool, env).await;
                asked.and_then(|cli| cli.too_old().map_or(Ok(cli), Err))
            }
        };
        Looked { name, found }
    });
    futures::future::join_all(looks).await
}

/// The variables that tell a command which engine it is for.
fn environment(engine: &Engine) -> Vec<(String, String)> {
    let address = &engine.place.address;
    match engine.kind {
        Kind::Docker => vec![("DOCKER_HOST".to_owned(), address.clone())],
        Kind::Podman => vec![
            ("DOCKER_HOST".to_owned(), address.clone()),
            ("CONTAINER_HOST".to_owned(), address.clone()),
            // What it runs for others is not what it says itself.
            ("PODMAN_COMPOSE_WARNING_LOGS".to_owned(), "false".to_owned()),
            // Podman does not speak BuildKit's language.
            ("DOCKER_BUILDKIT".to_owned(), "0".to_owned()),
        ],
    }
}

/// Asks a command for its version; gives what is wrong if it does not answer.
async fn ask(
    host: &Arc<dyn HostJobs>,
    tool: &'static Tool,
    env: Vec<(String, String)>,
) -> Result<Cli, String> {
    let words = tool.words.iter().chain(tool.version);
    let name = format!("compose version of {}", tool.words.join(" "));
    let job = JobRequest {
        command: words.map(|word| (*word).to_owned()).collect(),
        // There is one, whatever the stack is.
        folder: Some("/".into()),
        ..job(name.into(), env.clone(), QUICK)
    };
    let outcome = host.run(job).await.map_err(|error| error.to_string())?;
    if let Some(wrong) = outcome.wrong(QUICK) {
        return Err(wrong);
    }
    let Some((family, version)) = told(&outcome.stdout) else {
        return Err("it does not tell its version".to_owned());
    };
    Ok(Cli {
        words: tool.words,
        family,
        version,
        env,
    })
}

/// What a command says of itself: `2.26.1`, `v2.26.1`, or `podman-compose version 1.6.0` and more.
fn told(text: &str) -> Option<(Family, String)> {
    let mut lines = text.lines().map(str::trim);
    if let Some(rest) = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("podman-compose version"))
    {
        let version = rest.trim_start_matches(':').trim();
        return Some((Family::PodmanCompose, version.to_owned()));
    }
    let version = lines.find(|line| number(line).is_some())?;
    Some((Family::Compose, version.trim_start_matches('v').to_owned()))
}

#[cfg(test)]
mod tests;
