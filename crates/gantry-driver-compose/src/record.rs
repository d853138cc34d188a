//! What is written down about the project of an instance, so that it is found again.
//!
//! Nothing secret is in it: what the files' variables are is asked of the stack file at every start.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use gantry_container_engine::state::Run;
use gantry_core::{Digest, Generation, InstanceId, Revision, ServiceName};
use gantry_driver::{LogPolicy, Recorded, StackIdentity};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::look::Seen;
use crate::project::Until;
use crate::spec::Spec;

const VERSION: u32 = 1;

/// What each part of a project waits for.
pub(crate) type Needs = BTreeMap<String, Vec<(String, Until)>>;

/// A project that was started and not stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Record {
    version: u32,
    pub(crate) generation: Generation,
    pub(crate) revision: Revision,
    pub(crate) digest: Digest,
    /// The project's name.
    pub(crate) project: String,
    /// Where relative paths of the files start.
    pub(crate) folder: Utf8PathBuf,
    pub(crate) files: Vec<Utf8PathBuf>,
    pub(crate) profiles: Vec<String>,
    pub(crate) env_files: Vec<Utf8PathBuf>,
    /// What was asked for: all if empty.
    pub(crate) services: Vec<String>,
    /// What belongs to the instance.
    pub(crate) parts: Vec<String>,
    /// Those whose end others of the project wait for.
    pub(crate) jobs: Vec<String>,
    /// What each part waits for, if they are only made and then started one after the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) needs: Option<Needs>,
    /// When its start began.
    #[serde(default)]
    pub(crate) begun: Option<Timestamp>,
    /// How output is kept.
    pub(crate) logs: LogPolicy,
    /// Whether its containers decide about readiness.
    pub(crate) wait: bool,
    /// Whether it has come to where its start has ended.
    pub(crate) started: bool,
}

impl Record {
    pub(crate) fn new(
        generation: Generation,
        from: &Recorded,
        spec: &Spec,
        project: String,
        parts: Vec<String>,
    ) -> Self {
        Self {
            version: VERSION,
            generation,
            revision: from.revision,
            digest: from.digest,
            project,
            folder: spec.folder(),
            files: spec.files.clone(),
            profiles: spec.profiles.clone(),
            env_files: spec.env_files.clone(),
            services: spec.services.clone(),
            parts,
            jobs: Vec::new(),
            needs: None,
            begun: Some(Timestamp::now()),
            logs: from.settings.logs.clone(),
            wait: spec.wait,
            started: false,
        }
    }

    /// Whether all that it is to have is there, and was started: then nothing of its start is missing, whether
    /// somebody saw its end or not.
    pub(crate) fn is_whole<'a>(&self, seen: impl Iterator<Item = &'a Seen>) -> bool {
        let begun = |one: &&Seen| !matches!(one.state.run, Run::Created);
        let seen: Vec<_> = seen.collect();
        seen.iter().all(begun) && self.is_made(seen.into_iter())
    }

    /// Whether there is a container for each part.
    pub(crate) fn is_made<'a>(&self, seen: impl Iterator<Item = &'a Seen>) -> bool {
        let there: BTreeSet<&str> = seen.map(|one| one.part.as_str()).collect();
        self.parts.iter().all(|part| there.contains(part.as_str()))
    }
}

/// The folder with all that is kept of an instance.
pub(crate) fn folder(stack: &StackIdentity, instance: &InstanceId) -> Utf8PathBuf {
    stack
        .state_dir
        .join("services")
        .join(instance.service.as_str())
        .join(instance.number().to_string())
}

fn path(stack: &StackIdentity, instance: &InstanceId) -> Utf8PathBuf {
    folder(stack, instance).join("compose.json")
}

/// The file with the labels that is laid over a project's own.
pub(crate) fn labels_path(stack: &StackIdentity, instance: &InstanceId) -> Utf8PathBuf {
    folder(stack, instance).join("compose.labels.yaml")
}

/// The program that is called in place of Podman's client.
pub(crate) fn client_path(stack: &StackIdentity, instance: &InstanceId) -> Utf8PathBuf {
    folder(stack, instance).join("compose.podman")
}

/// Writes a file whole, for this user only.
pub(crate) fn write_whole(path: &Utf8Path, text: &[u8]) -> io::Result<()> {
    write_with(path, text, 0o600)
}

/// Writes a file whole, with these permissions.
pub(crate) fn write_with(path: &Utf8Path, text: &[u8], mode: u32) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};

    if let Some(folder) = path.parent() {
        let mut folders = std::fs::DirBuilder::new();
        folders.recursive(true).mode(0o700).create(folder)?;
    }
    let temporary = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&temporary)?;
    file.write_all(text)?;
    drop(file);
    std::fs::rename(temporary, path)
}

pub(crate) fn write(
    stack: &StackIdentity,
    instance: &InstanceId,
    record: &Record,
) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(record)?;
    text.push(b'\n');
    write_whole(&path(stack, instance), &text)
}

/// Removes what was written about a project.
pub(crate) fn remove(stack: &StackIdentity, instance: &InstanceId) {
    for path in [
        path(stack, instance),
        labels_path(stack, instance),
        client_path(stack, instance),
    ] {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%path, %error, "what was noted of a project stays");
            }
            _ => {}
        }
    }
}

/// All records of a stack. One that cannot be read is set aside, and said.
pub(crate) fn all(stack: &StackIdentity) -> Vec<(InstanceId, Record)> {
    let mut found = Vec::new();
    for (service, folder) in folders(&stack.state_dir.join("services")) {
        let Ok(service) = ServiceName::new(&service) else {
            continue;
        };
        for (number, _) in folders(&folder) {
            let slot = number.parse::<u16>().ok().and_then(|it| it.checked_sub(1));
            let Some(slot) = slot else { continue };
            let instance = InstanceId::new(service.clone(), slot);
            let path = path(stack, &instance);
            let Ok(text) = std::fs::read(&path) else {
                continue;
            };
            match serde_json::from_slice::<Record>(&text) {
                Ok(record) if record.version == VERSION => found.push((instance, record)),
                other => {
                    let reason = other.map_or_else(
                        |error| error.to_string(),
                        |record| format!("it is of version {}", record.version),
                    );
                    tracing::warn!(%path, reason, "a project's record is set aside");
                    let _ = std::fs::rename(&path, path.with_extension("unreadable"));
                }
            }
        }
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    found
}

fn folders(path: &Utf8Path) -> Vec<(String, Utf8PathBuf)> {
    let entries = path.read_dir_utf8().into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders
        .map(|entry| (entry.file_name().to_owned(), entry.path().to_owned()))
        .collect()
}
