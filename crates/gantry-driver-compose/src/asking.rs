//! What stands behind the command: the project and its files, in each family's own words.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use gantry_core::InstanceId;
use gantry_driver::{DriverError, HostJobs, JobOutcome, Settings};
use gantry_stack::modes::compose::Pull;

use crate::cli::{Ask, Cli, Family};
use crate::project::Project;
use crate::record::Record;
use crate::spec::Spec;

/// How long `config` may take.
const READING: Duration = Duration::from_mins(1);

/// How long fetching, building and starting may take: the stack file's `start-timeout` decides before.
const STARTING: Duration = Duration::from_hours(24);

/// A project with its files.
#[derive(Debug, Clone)]
pub(crate) struct Asking {
    pub(crate) project: String,
    pub(crate) folder: Utf8PathBuf,
    files: Vec<Utf8PathBuf>,
    profiles: Vec<String>,
    env_files: Vec<Utf8PathBuf>,
    env: Vec<(String, String)>,
}

impl Asking {
    /// As a stack file says.
    pub(crate) fn of(spec: &Spec, settings: &Settings, project: String) -> Self {
        let own = spec.env.iter().chain(&settings.env);
        let mut env: Vec<(String, String)> = Vec::new();
        for (name, value) in own {
            // Those of the mode's own part come first, and count.
            if !env.iter().any(|(known, _)| known == name) {
                env.push((name.clone(), value.clone()));
            }
        }
        Self {
            project,
            folder: spec.folder(),
            files: spec.files.clone(),
            profiles: spec.profiles.clone(),
            env_files: spec.env_files.clone(),
            env,
        }
    }

    /// As it was noted when it was started.
    pub(crate) fn noted(record: &Record) -> Self {
        Self {
            project: record.project.clone(),
            folder: record.folder.clone(),
            files: record.files.clone(),
            profiles: record.profiles.clone(),
            env_files: record.env_files.clone(),
            env: Vec::new(),
        }
    }

    /// The variables for the files.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        self.env.clone()
    }

    /// The same with the files that are still there; nothing if none is. Those of another service of the project may
    /// have gone with it.
    pub(crate) fn with_what_is_there(mut self) -> Option<Self> {
        for files in [&mut self.files, &mut self.env_files] {
            files.retain(|file| file.is_file());
        }
        (!self.files.is_empty()).then_some(self)
    }

    /// Everything before the verb.
    fn words(&self, family: Family, over: Option<&Utf8Path>) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        let mut add = |flag: &str, value: &str| words.extend([flag.to_owned(), value.to_owned()]);
        add("--project-name", &self.project);
        if family.project_directory() {
            add("--project-directory", self.folder.as_str());
            add("--ansi", "never");
            add("--progress", "plain");
        }
        for file in self.files.iter().map(Utf8PathBuf::as_path).chain(over) {
            add("--file", file.as_str());
        }
        for profile in &self.profiles {
            add("--profile", profile);
        }
        for file in &self.env_files {
            add("--env-file", file.as_str());
        }
        if family == Family::PodmanCompose {
            // A pod of its own would be one more thing that nobody asked for.
            words.push("--in-pod=false".to_owned());
        }
        words
    }

    fn ask(&self, name: String, words: Vec<String>, limit: Duration) -> Ask {
        Ask {
            name: name.into(),
            words,
            env: self.env.clone(),
            folder: self.folder.clone(),
            limit,
        }
    }

    /// What Compose makes of the files. A service that is `named` need not be in an active profile.
    pub(crate) async fn config(
        &self,
        cli: &Cli,
        host: &Arc<dyn HostJobs>,
        instance: &InstanceId,
        named: &[String],
    ) -> Result<Project, DriverError> {
        let usual = self.config_of(cli, host, instance, &[]).await?;
        let known = named.iter().all(|name| usual.services.contains_key(name));
        if known || cli.family != Family::Compose {
            return Ok(usual);
        }
        // One that does not exist at all is told by the services that do.
        let all = self.config_of(cli, host, instance, named).await;
        Ok(all.unwrap_or(usual))
    }

    async fn config_of(
        &self,
        cli: &Cli,
        host: &Arc<dyn HostJobs>,
        instance: &InstanceId,
        named: &[String],
    ) -> Result<Project, DriverError> {
        let mut words: Vec<String> = Vec::new();
        if cli.family == Family::Compose {
            words.extend(["--format", "json"].map(str::to_owned));
        }
        words.extend(named.iter().cloned());
        let outcome = self.read(cli, host, instance, words).await?;
        let mut project = Project::read(cli.family, &outcome.stdout)?;
        project.unset = unset(&outcome.stderr);
        Ok(project)
    }

    /// All profiles that the files know, where that can be asked.
    pub(crate) async fn known_profiles(
        &self,
        cli: &Cli,
        host: &Arc<dyn HostJobs>,
        instance: &InstanceId,
    ) -> Vec<String> {
        if cli.family != Family::Compose {
            return Vec::new();
        }
        let words = vec!["--profiles".to_owned()];
        let told = self.read(cli, host, instance, words).await;
        let told = told.map(|outcome| outcome.stdout).unwrap_or_default();
        told.lines().map(|line| line.trim().to_owned()).collect()
    }

    async fn read(
        &self,
        cli: &Cli,
        host: &Arc<dyn HostJobs>,
        instance: &InstanceId,
        more: Vec<String>,
    ) -> Result<JobOutcome, DriverError> {
        let mut words = self.words(cli.family, None);
        words.push("config".to_owned());
        words.extend(more);
        let name = format!("compose config of {instance}");
        let outcome = cli.run(host, self.ask(name, words, READING)).await?;
        if !outcome.success() {
            return Err(refused("config", cli, &outcome, READING));
        }
        Ok(outcome)
    }

    /// Starting these services; all if none is named.
    pub(crate) fn up(&self, family: Family, up: &Up<'_>) -> Ask {
        let mut words = self.words(family, Some(up.over));
        if let Some(client) = up.client {
            words.extend(["--podman-path", client.as_str()].map(str::to_owned));
        }
        words.push("up".to_owned());
        let how: &[&str] = match up.how {
            How::Whole => &["--detach"],
            How::Made => &["--no-start", "--no-deps"],
        };
        words.extend(how.iter().map(|word| (*word).to_owned()));
        match up.build {
            Some(true) if family == Family::Compose => words.push("--build".to_owned()),
            Some(false) => words.push("--no-build".to_owned()),
            _ => {}
        }
        if up.recreate {
            words.push("--force-recreate".to_owned());
        }
        if up.remove_orphans {
            words.push("--remove-orphans".to_owned());
        }
        if let Some(pull) = up.pull.word().filter(|_| family.pulls_as_told()) {
            words.extend(["--pull", pull].map(str::to_owned));
        }
        words.extend(up.services.iter().cloned());
        self.ask(job_name(up.instance), words, STARTING)
    }

    /// Building the images of these services. `over` is the file with the labels.
    pub(crate) fn build(
        &self,
        family: Family,
        instance: &InstanceId,
        over: &Utf8Path,
        services: &[String],
    ) -> Ask {
        let mut words = self.words(family, Some(over));
        words.push("build".to_owned());
        words.extend(services.iter().cloned());
        self.ask(job_name(instance), words, STARTING)
    }

    /// Ending these services, in the reverse order of what they need.
    pub(crate) fn stop(
        &self,
        family: Family,
        instance: &InstanceId,
        services: &[String],
        grace: Option<Duration>,
    ) -> Ask {
        let mut words = self.words(family, None);
        words.push("stop".to_owned());
        if let Some(grace) = grace {
            let seconds = grace.as_secs() + u64::from(grace.subsec_nanos() > 0);
            words.extend(["--timeout".to_owned(), seconds.to_string()]);
        }
        words.extend(services.iter().cloned());
        self.ask(job_name(instance), words, STARTING)
    }

    /// Nothing. It ends when an `up` that an earlier supervisor began has ended.
    pub(crate) fn wait(&self, instance: &InstanceId) -> Ask {
        self.ask(job_name(instance), vec!["version".to_owned()], STARTING)
    }
}

/// One name for all that changes the project of an instance: two of them never run at once.
fn job_name(instance: &InstanceId) -> String {
    format!("compose {instance}")
}

/// How far an `up` goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// All is started, with what it needs.
    Whole,
    /// These are made and not started, and what they need is left alone.
    Made,
}

/// One `up`.
#[derive(Debug)]
pub(crate) struct Up<'a> {
    pub(crate) instance: &'a InstanceId,
    /// The file with the labels.
    pub(crate) over: &'a Utf8Path,
    /// What is to be called in place of Podman's client.
    pub(crate) client: Option<&'a Utf8Path>,
    pub(crate) services: &'a [String],
    pub(crate) how: How,
    /// Whether images are built, whatever there is; as the files say if absent.
    pub(crate) build: Option<bool>,
    pub(crate) recreate: bool,
    pub(crate) remove_orphans: bool,
    pub(crate) pull: Pull,
}

/// The variables that have no value, of which Compose makes nothing: `… msg="The \"TAG\" variable is not set. …"`.
fn unset(said: &str) -> Vec<String> {
    let names = said.lines().filter_map(|line| {
        let (before, _) = line.split_once("variable is not set")?;
        let name = before.rsplit("The ").next()?;
        let known = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let name: String = name.chars().filter(|letter| known(*letter)).collect();
        (!name.is_empty()).then_some(name)
    });
    let names: BTreeSet<String> = names.collect();
    names.into_iter().collect()
}

/// What a command that failed said, as an error.
pub(crate) fn refused(
    stage: &'static str,
    cli: &Cli,
    outcome: &JobOutcome,
    limit: Duration,
) -> DriverError {
    let said = said(outcome);
    let wrong = outcome.wrong(limit).unwrap_or_default();
    let reason = match &said {
        Some(said) => said.clone(),
        None => format!("`{} {stage}` {wrong}", cli.name()),
    };
    let mut error = DriverError::permanent(stage, reason);
    let lines: Vec<&str> = outcome.stderr.lines().map(str::trim_end).collect();
    let evidence = lines[lines.len().saturating_sub(EVIDENCE)..].join("\n");
    if !evidence.is_empty() && Some(&evidence) != said.as_ref() {
        error = error.with_evidence(evidence);
    }
    error
}

/// How many lines of what a command said are evidence.
const EVIDENCE: usize = 10;

/// The line that says what is wrong: the last one that is no progress.
fn said(outcome: &JobOutcome) -> Option<String> {
    let progress = |line: &str| {
        ["Container ", "Network ", "Volume "]
            .iter()
            .any(|what| line.starts_with(what))
    };
    let all = outcome.stderr.lines().chain(outcome.stdout.lines());
    let told: Vec<&str> = all
        .map(str::trim)
        .filter(|line| !line.is_empty() && !progress(line))
        .collect();
    let error = told.iter().rev().find(|line| {
        let line = line.to_lowercase();
        line.contains("error") || line.contains("failed")
    });
    let line = error.or(told.last())?;
    let line = line
        .trim_start_matches("Error response from daemon: ")
        .trim_start_matches("Error: ");
    Some(line.to_owned())
}

#[cfg(test)]
mod tests;
