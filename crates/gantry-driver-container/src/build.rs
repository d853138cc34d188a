//! Building images.
//!
//! A built image is named after its stack and service, and its tag is a hash of all that it is built from: the
//! folder that is sent, the Dockerfile's name, the stage, the arguments and the platform. So one that is there
//! is up to date, and nothing is built twice. What another start builds is waited for.

mod context;
mod ignore;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bollard::body_try_stream;
use bollard::query_parameters::{
    BuildImageOptions, ListImagesOptions, RemoveImageOptions, TagImageOptions,
};
use camino::Utf8PathBuf;
use futures::StreamExt as _;
use gantry_core::{Failure, ServiceName, Stage};
use gantry_driver::{DriverError, Make};
use gantry_stack::modes::container::{Build, ContainerSpec};
use serde_json::json;
use tokio::sync::Mutex;

use self::context::{Context, Unreadable};
use crate::engine::Engine;
use crate::image::{self, Tell};
use crate::logins::Logins;
use crate::names::Names;
use crate::trouble;

/// How many of the last lines of a build that failed are told.
const TAIL: usize = 20;

/// How often it is told that a build goes on.
const GOES_ON: Duration = Duration::from_secs(5);

/// How much of the hash is in a tag.
const TAG: usize = 16;

/// The Dockerfile, if the stack file does not name it.
const DOCKERFILE: &str = "Dockerfile";

/// The builds of a session: no two of one image at once.
#[derive(Debug, Default)]
pub(crate) struct Builds(Mutex<HashMap<String, Arc<Mutex<()>>>>);

impl Builds {
    async fn of(&self, image: &str) -> Arc<Mutex<()>> {
        let mut all = self.0.lock().await;
        Arc::clone(all.entry(image.to_owned()).or_default())
    }
}

/// The Dockerfile of a build.
pub(crate) fn dockerfile(build: &Build) -> &str {
    build.file.as_deref().unwrap_or(DOCKERFILE)
}

/// Where it is.
pub(crate) fn path(build: &Build) -> Utf8PathBuf {
    build.context.join(dockerfile(build))
}

/// What is to be built.
pub(crate) struct Wanted<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) names: &'a Names,
    pub(crate) service: &'a ServiceName,
    pub(crate) spec: &'a ContainerSpec,
    pub(crate) build: &'a Build,
    pub(crate) builds: &'a Builds,
    pub(crate) logins: &'a Logins,
}

/// Why there is no image.
pub(crate) struct Unbuilt {
    error: DriverError,
    /// The last lines of the build.
    tail: Vec<String>,
}

impl Unbuilt {
    pub(crate) fn into_failure(self) -> Failure {
        let mut failure = self.error.into_failure(Stage::Start);
        failure.tail = self.tail;
        failure
    }
}

impl From<DriverError> for Unbuilt {
    fn from(error: DriverError) -> Self {
        let tail = Vec::new();
        Self { error, tail }
    }
}

impl From<Unreadable> for Unbuilt {
    fn from(error: Unreadable) -> Self {
        DriverError::permanent("build", error.to_string()).into()
    }
}

impl Wanted<'_> {
    /// Sees to it that there is an image, as far as it may be made. Gives its name.
    pub(crate) async fn image(&self, make: Make, tell: Tell<'_>) -> Result<String, Unbuilt> {
        match make {
            Make::Needed => self.ensure(false, tell).await,
            Make::Afresh => self.ensure(true, tell).await,
            Make::Never => self.last().await,
        }
    }

    /// The name that an image of what the folder is now has, or would have.
    pub(crate) async fn name(&self) -> Result<String, Unbuilt> {
        let (_, digest) = self.look().await?;
        Ok(self.named(&digest))
    }

    fn named(&self, digest: &str) -> String {
        format!("{}:{}", self.names.image(self.service), &digest[..TAG])
    }

    /// The image of what the folder is now, else the one that was built last.
    async fn last(&self) -> Result<String, Unbuilt> {
        if let Ok(image) = self.name().await
            && image::has(self.engine, &image).await?
        {
            return Ok(image);
        }
        let last = last(self.engine, self.names, self.service).await?;
        last.ok_or_else(|| {
            let reason = "no image was built for it, and none may be built now";
            DriverError::permanent("build", reason).into()
        })
    }

    /// Sees to it that there is an image of what the folder is now, a new one if it is to be made afresh. Gives its
    /// name.
    async fn ensure(&self, afresh: bool, tell: Tell<'_>) -> Result<String, Unbuilt> {
        let file = dockerfile(self.build);
        let (context, digest) = self.look().await?;
        let image = self.named(&digest);
        let turn = self.builds.of(&image).await;
        let _turn = turn.lock().await;
        if afresh || !image::has(self.engine, &image).await? {
            tell(Some(format!(
                "building its image from {}",
                self.build.context
            )));
            self.run(&image, file, context, tell).await?;
            self.remove_older(&image).await;
        }
        if let Some(name) = &self.spec.image {
            let tagged = image::tagged(name);
            let (repo, tag) = tagged.rsplit_once(':').unwrap_or((&tagged, "latest"));
            let options = TagImageOptions {
                repo: Some(repo.to_owned()),
                tag: Some(tag.to_owned()),
            };
            let named = self.engine.api.tag_image(&image, Some(options)).await;
            named.map_err(|error| trouble::of("build", &error))?;
        }
        Ok(image)
    }

    async fn look(&self) -> Result<(Context, String), Unbuilt> {
        let (build, platform) = (self.build.clone(), self.spec.platform.clone());
        let looked = tokio::task::spawn_blocking(move || {
            let file = dockerfile(&build);
            let context = Context::look(&build.context, file)?;
            let mut hasher = blake3::Hasher::new();
            let how = json!([file, build.target, build.args, platform]);
            hasher.update(how.to_string().as_bytes());
            context.feed(&mut hasher)?;
            Ok::<_, Unreadable>((context, hasher.finalize().to_hex().to_string()))
        });
        let looked = looked.await;
        looked
            .map_err(|error| DriverError::permanent("build", error.to_string()))?
            .map_err(Unbuilt::from)
    }

    async fn run(
        &self,
        image: &str,
        file: &str,
        context: Context,
        tell: Tell<'_>,
    ) -> Result<(), Unbuilt> {
        let options = BuildImageOptions {
            dockerfile: file.to_owned(),
            t: Some(image.to_owned()),
            nocache: !self.build.cache,
            cachefrom: Some(self.build.cache_from.clone()).filter(|images| !images.is_empty()),
            forcerm: true,
            buildargs: Some(self.build.args.clone().into_iter().collect()),
            labels: Some(self.names.image_labels(self.service)),
            platform: self.spec.platform.clone().unwrap_or_default(),
            target: self.build.target.clone().unwrap_or_default(),
            ..BuildImageOptions::default()
        };
        let (pieces, sending) = context.send();
        let body = Some(body_try_stream(pieces));
        // Those that it is built from may be anywhere.
        let logins = self.logins.all(self.engine.kind).await;
        let logins = Some(logins).filter(|all| !all.is_empty());
        let mut answers = self.engine.api.build_image(options, logins, body);
        let mut said = Said::default();
        let wrong = loop {
            match tokio::time::timeout(GOES_ON, answers.next()).await {
                Err(_) => tell(None),
                Ok(None) => break None,
                Ok(Some(Ok(info))) => {
                    for step in said.take(info.stream.as_deref().unwrap_or_default()) {
                        tell(Some(format!("building its image: {step}")));
                    }
                    if let Some(message) = info.error_detail.and_then(|detail| detail.message) {
                        break Some(DriverError::permanent("build", message.trim()));
                    }
                }
                // What its own steps say is its answer, whatever kind of error the engine makes of it.
                Ok(Some(Err(error))) => {
                    let mut error = trouble::of("build", &error);
                    if error.kind == gantry_core::FailureKind::Transient {
                        error.kind = gantry_core::FailureKind::Permanent;
                    }
                    break Some(error);
                }
            }
        };
        drop(answers);
        let sent = sending.await;
        let Some(wrong) = wrong else {
            // An engine that ends its answer without an error has the image, or was ended itself.
            if image::has(self.engine, image).await? {
                return Ok(());
            }
            let wrong = DriverError::transient("build", "the engine ended it without a word");
            return Err(self.failed(&wrong, said.lines));
        };
        if let Ok(Err(unreadable)) = sent
            && !said.begun
        {
            return Err(unreadable.into());
        }
        Err(self.failed(&wrong, said.lines))
    }

    fn failed(&self, wrong: &DriverError, tail: Vec<String>) -> Unbuilt {
        let file = path(self.build);
        let reason = format!("failed to build its image from {file}");
        let error = DriverError::new("build", wrong.kind, reason).with_evidence(wrong.to_string());
        Unbuilt { error, tail }
    }

    /// Takes away the names of the service's images of earlier folders, and with them the images that have no
    /// containers.
    async fn remove_older(&self, image: &str) {
        let repository = format!("{}:", self.names.image(self.service));
        let older = |name: &str| {
            // Podman puts a host before it.
            let name = name.rsplit('/').next().unwrap_or(name);
            name.starts_with(&repository) && name != image
        };
        match ours(self.engine, self.names).await {
            Ok(names) => {
                for name in names.iter().filter(|name| older(name)) {
                    remove(self.engine, name).await;
                }
            }
            Err(error) => tracing::debug!(image, %error, "older images stay"),
        }
    }
}

/// Removes all images that were built for a stack.
pub(crate) async fn remove_all(engine: &Engine, names: &Names) -> Result<(), DriverError> {
    for image in ours(engine, names).await? {
        remove(engine, &image).await;
    }
    Ok(())
}

/// The image that was built last for a service, by its id.
pub(crate) async fn last(
    engine: &Engine,
    names: &Names,
    service: &ServiceName,
) -> Result<Option<String>, DriverError> {
    let wanted = names.image_labels(service);
    // Of several labels Podman takes only one.
    let options = ListImagesOptions {
        filters: Some(HashMap::from([("label".to_owned(), vec![names.filter()])])),
        ..ListImagesOptions::default()
    };
    let listed = engine.api.list_images(Some(options)).await;
    let listed = listed.map_err(|error| trouble::of("image", &error))?;
    let ours = listed.into_iter().filter(|one| {
        let has = |(name, value): (&String, &String)| one.labels.get(name) == Some(value);
        wanted.iter().all(has)
    });
    let newest = ours.max_by_key(|one| one.created);
    Ok(newest.map(|one| one.id))
}

/// The images that were built for a stack, by their names; those without one by their ids.
async fn ours(engine: &Engine, names: &Names) -> Result<Vec<String>, DriverError> {
    let options = ListImagesOptions {
        filters: Some(HashMap::from([("label".to_owned(), vec![names.filter()])])),
        ..ListImagesOptions::default()
    };
    let listed = engine.api.list_images(Some(options)).await;
    let listed = listed.map_err(|error| trouble::of("image", &error))?;
    let listed = listed.into_iter().filter(|one| names.owns(&one.labels));
    let called = listed.flat_map(|one| {
        let mut names = one.repo_tags;
        // As an engine calls one that has lost its name to a newer one.
        names.retain(|name| name != "<none>:<none>");
        if names.is_empty() {
            names.push(one.id);
        }
        names
    });
    Ok(called.collect())
}

/// One that a container is made from stays.
async fn remove(engine: &Engine, image: &str) {
    let options = Some(RemoveImageOptions::default());
    if let Err(error) = engine.api.remove_image(image, options, None).await {
        tracing::debug!(image, %error, "an image stays");
    }
}

/// What a build has said.
#[derive(Debug, Default)]
struct Said {
    /// Its last lines.
    lines: Vec<String>,
    /// What of a line is there so far.
    part: String,
    begun: bool,
}

impl Said {
    /// Takes in more of it; gives the steps that begin with it.
    fn take(&mut self, more: &str) -> Vec<String> {
        self.begun |= !more.is_empty();
        self.part.push_str(more);
        let mut steps = Vec::new();
        while let Some(end) = self.part.find('\n') {
            let line: String = self.part.drain(..=end).collect();
            let line = plain(&line);
            if line.is_empty() {
                continue;
            }
            // Of several stages, Podman names each with its step.
            let staged = line
                .strip_prefix('[')
                .and_then(|rest| rest.split_once("] "));
            let step = staged.map_or(line.as_str(), |(_, step)| step);
            let step = step.strip_prefix("Step ").or(step.strip_prefix("STEP "));
            // Our own labels are no step of the user's.
            if let Some(step) = step
                .filter(|step| !step.contains("LABEL gantry.") && !step.contains("LABEL \"gantry."))
            {
                steps.push(step.to_owned());
            }
            if self.lines.len() == TAIL {
                self.lines.remove(0);
            }
            self.lines.push(line);
        }
        steps
    }
}

/// A line without colours and what moves a cursor.
fn plain(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        if c == '\u{1b}' {
            rest.by_ref().find(char::is_ascii_alphabetic);
        } else if !c.is_control() || c == '\t' {
            out.push(c);
        }
    }
    out.trim_end().to_owned()
}

#[cfg(test)]
mod tests;
