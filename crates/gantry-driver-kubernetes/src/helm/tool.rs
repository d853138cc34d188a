//! The `helm` program: where it is, which one it is, and how it is run.

use std::sync::Arc;
use std::time::Duration;

use camino::Utf8PathBuf;
use gantry_core::FailureKind;
use gantry_driver::{DriverError, HostJobs, JobOutcome, JobRequest};
use gantry_stack::modes::kubernetes::Tools;
use smol_str::SmolStr;

use crate::trouble::is_of_the_way;

/// How long a version may take to be told.
const QUICK: Duration = Duration::from_secs(20);

/// The oldest version that works: it marks releases with labels, and renders with the cluster's knowledge.
const OLDEST: (u32, u32) = (3, 13);

/// How much of an answer is kept.
const CAPTURE: u64 = 64 * 1024 * 1024;

/// How long a Helm that nobody wants any more has to write down where it stands.
const GRACE: Duration = Duration::from_secs(20);

/// A Helm that answered.
#[derive(Clone)]
pub(crate) struct Tool {
    host: Arc<dyn HostJobs>,
    words: Vec<String>,
    /// Its version.
    pub(crate) version: (u32, u32),
    /// The same as it tells it.
    pub(crate) said: String,
    /// What tells it the cluster.
    cluster: Vec<String>,
}

/// What it is asked.
pub(crate) struct Ask {
    /// What the run is called; a run of this name that goes on is waited for.
    pub(crate) name: SmolStr,
    pub(crate) words: Vec<String>,
    pub(crate) input: Option<Vec<u8>>,
    pub(crate) limit: Duration,
    /// Whether its end is kept until it is taken.
    pub(crate) once: bool,
}

impl Ask {
    /// Something that changes nothing in the cluster.
    pub(crate) fn quick(name: impl Into<SmolStr>, words: &[&str]) -> Self {
        Self {
            name: name.into(),
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            input: None,
            limit: Duration::from_mins(2),
            once: false,
        }
    }
}

/// Which cluster a program is for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Aim {
    /// The one configuration file, if there is one.
    pub(crate) kubeconfig: Option<Utf8PathBuf>,
    /// The context.
    pub(crate) context: Option<String>,
}

impl Tool {
    /// Finds it, and asks for its version.
    pub(crate) async fn find(
        host: &Arc<dyn HostJobs>,
        tools: &Tools,
        aim: &Aim,
    ) -> Result<Self, DriverError> {
        let mut cluster = Vec::new();
        if let Some(file) = &aim.kubeconfig {
            cluster.extend(["--kubeconfig".to_owned(), file.to_string()]);
        }
        if let Some(context) = &aim.context {
            cluster.extend(["--kube-context".to_owned(), context.clone()]);
        }
        let mut tool = Self {
            host: Arc::clone(host),
            words: tools.helm(),
            version: OLDEST,
            said: String::new(),
            cluster,
        };
        let words = tool.words.join(" ");
        let ask = Ask {
            limit: QUICK,
            ..Ask::quick(format!("helm version of {words}"), &["version", "--short"])
        };
        let asked = tool.run_bare(ask).await;
        let outcome = asked.map_err(|error| {
            DriverError::permanent("helm", format!("`{words}` cannot be run: {}", error.reason))
        })?;
        if let Some(wrong) = outcome.wrong(QUICK) {
            let reason = format!("`{words} version` {wrong}");
            return Err(DriverError::permanent("helm", reason));
        }
        let said = outcome.stdout.trim();
        let Some(version) = number(said) else {
            let reason = format!("`{words} version` says `{said}`, which is no version");
            return Err(DriverError::permanent("helm", reason));
        };
        if version < OLDEST {
            let (major, minor) = OLDEST;
            let reason =
                format!("`{words}` is {said}, and {major}.{minor} is the oldest that works");
            return Err(DriverError::permanent("helm", reason));
        }
        tool.version = version;
        said.clone_into(&mut tool.said);
        Ok(tool)
    }

    /// Runs it for the cluster.
    pub(crate) async fn run(&self, mut ask: Ask) -> Result<JobOutcome, DriverError> {
        ask.words.extend(self.cluster.iter().cloned());
        self.run_bare(ask).await
    }

    /// Runs it without telling it a cluster.
    pub(crate) async fn run_bare(&self, ask: Ask) -> Result<JobOutcome, DriverError> {
        let words = self.words.iter().cloned();
        let command = words.chain(ask.words).collect();
        let job = JobRequest {
            // Where releases are kept is not for the user's environment to say: they are looked for in one place.
            env: vec![("HELM_DRIVER".to_owned(), "secret".to_owned())],
            folder: Some("/".into()),
            once: ask.once,
            input: ask.input,
            grace: GRACE,
            ..JobRequest::host(ask.name, command, ask.limit, CAPTURE)
        };
        self.host.run(job).await
    }

    /// Asks a run that is kept to end, and waits until it has, whoever began it.
    pub(crate) async fn end(&self, name: &SmolStr) {
        // One that nobody knows of is this harmless one.
        let wait = self.run_bare(Ask {
            name: name.clone(),
            once: true,
            ..Ask::quick("", &["version"])
        });
        let (_, ()) = futures::join!(wait, async { self.give_up(name) });
        self.host.taken(name);
    }

    /// Asks a run that is kept to end; whoever waits for it is told.
    pub(crate) fn give_up(&self, name: &str) {
        self.host.give_up(name);
    }

    /// What came of a run that is kept was noted.
    pub(crate) fn taken(&self, name: &str) {
        self.host.taken(name);
    }
}

/// The first two numbers of a version.
fn number(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.trim_start_matches('v').split(['.', '-', '+']);
    let mut next = || parts.next()?.parse().ok();
    Some((next()?, next()?))
}

/// Why a run failed, by what it printed.
pub(crate) fn failure(stage: &'static str, outcome: &JobOutcome, limit: Duration) -> DriverError {
    if outcome.timed_out {
        let reason = outcome.wrong(limit).unwrap_or_default();
        return DriverError::transient(stage, format!("helm {reason}"));
    }
    let said = said(&outcome.stderr);
    let reason = match said {
        Some(said) => said,
        None => format!("helm {}", outcome.wrong(limit).unwrap_or_default()),
    };
    DriverError::new(stage, kind(&reason), reason)
}

/// Why a repository's list could not be fetched. Helm says it among other things, and may call that a success.
pub(crate) fn not_updated(outcome: &JobOutcome) -> Option<DriverError> {
    const WORDS: &str = "Unable to get an update from the ";
    let all = [&outcome.stdout, &outcome.stderr];
    let from = all
        .iter()
        .find_map(|text| text.find(WORDS).map(|at| &text[at + WORDS.len()..]))?;
    // The reason is on the line below.
    let mut lines = from.lines().map(str::trim);
    let (of, why) = (lines.next()?, lines.next().unwrap_or_default());
    let reason = format!("the list of the {} {why}", of.trim_end_matches(':'));
    let reason = reason.replace(" chart repository", " repository cannot be had");
    Some(DriverError::new("chart", kind(why), reason))
}

/// What it says of an error, in one line and without its own frame.
pub(crate) fn said(stderr: &str) -> Option<String> {
    let from = stderr.rfind("Error: ").map(|at| &stderr[at + 7..])?;
    let mut text = from.split_whitespace().collect::<Vec<_>>().join(" ");
    text = text.replace("1 error occurred: * ", "");
    // Its own name for its part stands in the middle of this one.
    text = text.replace(": release: not found", ": not found");
    while let Some(rest) = ["INSTALLATION FAILED: ", "UPGRADE FAILED: ", "release: "]
        .iter()
        .find_map(|frame| text.strip_prefix(frame))
    {
        text = rest.to_owned();
    }
    // A list of one error is that error.
    let text = text.trim().trim_end_matches('.').to_owned();
    (!text.is_empty()).then_some(text)
}

/// Whether trying again may help.
fn kind(reason: &str) -> FailureKind {
    if is_of_the_way(reason) {
        FailureKind::Transient
    } else {
        FailureKind::Permanent
    }
}

#[cfg(test)]
mod tests;
