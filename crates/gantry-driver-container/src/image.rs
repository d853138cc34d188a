//! Images: whether one is there, and fetching it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bollard::auth::DockerCredentials;
use bollard::models::CreateImageInfo;
use bollard::query_parameters::CreateImageOptions;
use futures::StreamExt as _;
use gantry_core::FailureKind;
use gantry_driver::DriverError;
use gantry_stack::modes::container::Pull;

use crate::engine::{Engine, Kind};
use crate::logins::Logins;
use crate::trouble;

/// How often it is told how far a fetch has come.
const TOLD: Duration = Duration::from_secs(2);

/// How often it is told that it goes on at all.
const GOES_ON: Duration = Duration::from_secs(1);

/// How long a registry may take to say whether it has an image.
const ASKED: Duration = Duration::from_secs(5);

/// What registries and engines say of an image that no further try will bring.
const FOR_GOOD: [&str; 10] = [
    "manifest unknown",
    "name unknown",
    "not found",
    "unauthorized",
    "denied",
    "authentication required",
    "no basic auth credentials",
    "invalid username/password",
    "invalid reference",
    "no matching manifest",
];

/// What they say when they want to know who asks.
const PASSWORD: [&str; 5] = [
    "unauthorized",
    "denied",
    "authentication required",
    "no basic auth credentials",
    "invalid username/password",
];

/// Is given what is being done when it takes time, and now and then nothing: it goes on.
pub(crate) type Tell<'a> = &'a (dyn Fn(Option<String>) + Sync);

/// Sees to it that the engine has an image, as the stack file wants it.
pub(crate) async fn ensure(
    engine: &Engine,
    image: &str,
    pull: Pull,
    platform: Option<&str>,
    logins: &Logins,
    tell: Tell<'_>,
) -> Result<(), DriverError> {
    let has = has(engine, image).await?;
    match pull {
        Pull::Missing | Pull::Never if has => Ok(()),
        Pull::Never => {
            let reason =
                format!("the engine does not have the image {image}, and `pull` is `never`");
            Err(DriverError::permanent("pull", reason))
        }
        Pull::Missing | Pull::Always => {
            tell(Some(format!("fetching the image {image}")));
            let login = logins.of_image(engine.kind, image).await;
            let credentials = login.credentials.clone();
            let fetched = fetch(engine, image, platform, credentials, tell).await;
            fetched.map_err(|error| {
                let reason = format!("failed to fetch the image {image}");
                let mut evidence = error.to_string();
                if wants_password(&evidence) {
                    evidence = format!("{evidence}; {login}");
                }
                DriverError::new("pull", kind(&error), reason).with_evidence(evidence)
            })
        }
    }
}

/// Whether the engine has it.
pub(crate) async fn has(engine: &Engine, image: &str) -> Result<bool, DriverError> {
    match engine.api.inspect_image(image).await {
        Ok(_) => Ok(true),
        Err(error) if trouble::is_not_found(&error) => Ok(false),
        Err(error) => Err(trouble::of("image", &error)),
    }
}

/// What a registry says against giving an image, if the engine can ask for that and the registry answers.
pub(crate) async fn offered(engine: &Engine, image: &str, logins: &Logins) -> Option<String> {
    // Podman has no word for it, and says "not found" of that.
    if engine.kind == Kind::Podman {
        return None;
    }
    let login = logins.of_image(engine.kind, image).await;
    let asked = engine
        .api
        .inspect_registry_image(image, login.credentials.clone());
    let answer = tokio::time::timeout(ASKED, asked).await.ok()?;
    let error = trouble::of("image", &answer.err()?);
    let said = error.to_string().to_lowercase();
    if !FOR_GOOD.iter().any(|words| said.contains(words)) {
        return None;
    }
    Some(if wants_password(&said) {
        format!("{}; {login}", error.reason)
    } else {
        error.reason
    })
}

/// Whether a registry wants to know who asks.
fn wants_password(said: &str) -> bool {
    let said = said.to_lowercase();
    PASSWORD.iter().any(|words| said.contains(words))
}

async fn fetch(
    engine: &Engine,
    image: &str,
    platform: Option<&str>,
    credentials: Option<DockerCredentials>,
    tell: Tell<'_>,
) -> Result<(), DriverError> {
    let options = CreateImageOptions {
        from_image: Some(tagged(image)),
        platform: platform.unwrap_or_default().to_owned(),
        ..CreateImageOptions::default()
    };
    let mut steps = engine.api.create_image(Some(options), None, credentials);
    let mut layers = Layers::default();
    let (mut told, mut went_on) = (Instant::now(), Instant::now());
    while let Some(step) = steps.next().await {
        let step = step.map_err(|error| trouble::of("pull", &error))?;
        layers.take(step);
        let words = layers.words().filter(|_| told.elapsed() >= TOLD);
        if let Some(words) = words {
            (told, went_on) = (Instant::now(), Instant::now());
            tell(Some(format!("fetching the image {image}: {words}")));
        } else if went_on.elapsed() >= GOES_ON {
            went_on = Instant::now();
            tell(None);
        }
    }
    Ok(())
}

/// Whether another try may help, by what was said.
fn kind(error: &DriverError) -> FailureKind {
    let said = error.to_string().to_lowercase();
    if error.kind == FailureKind::Transient && FOR_GOOD.iter().any(|words| said.contains(words)) {
        FailureKind::Permanent
    } else {
        error.kind
    }
}

/// How far each layer has come.
#[derive(Debug, Default)]
struct Layers(HashMap<String, Layer>);

#[derive(Debug, Default)]
struct Layer {
    done: bool,
    bytes: u64,
    of: u64,
}

impl Layers {
    fn take(&mut self, step: CreateImageInfo) {
        let (Some(id), Some(status)) = (step.id, step.status) else {
            return;
        };
        // The image itself is told of in the same way.
        if status.starts_with("Pulling from") {
            return;
        }
        let layer = self.0.entry(id).or_default();
        layer.done |= matches!(
            status.as_str(),
            "Pull complete" | "Already exists" | "Download complete"
        );
        let progress = step.progress_detail.filter(|_| status == "Downloading");
        let number = |number: Option<i64>| number.and_then(|it| u64::try_from(it).ok());
        if let Some(progress) = progress {
            layer.bytes = number(progress.current).unwrap_or(layer.bytes);
            layer.of = number(progress.total).unwrap_or(layer.of);
        }
        if layer.done {
            layer.bytes = layer.of;
        }
    }

    /// All of them in words, once anything is known.
    fn words(&self) -> Option<String> {
        let (all, done) = (
            self.0.len(),
            self.0.values().filter(|layer| layer.done).count(),
        );
        let sum = |part: fn(&Layer) -> u64| self.0.values().map(part).sum::<u64>() / (1024 * 1024);
        let (bytes, of) = (sum(|layer| layer.bytes), sum(|layer| layer.of));
        let size = if of > 0 {
            format!(", {bytes} of {of} MiB")
        } else {
            String::new()
        };
        (all > 0).then(|| format!("{done} of {all} layers{size}"))
    }
}

/// With a tag: without one an engine fetches all that there are.
pub(crate) fn tagged(image: &str) -> String {
    let name = image.rsplit('/').next().unwrap_or(image);
    if name.contains(':') || image.contains('@') {
        image.to_owned()
    } else {
        format!("{image}:latest")
    }
}

#[cfg(test)]
mod tests;
