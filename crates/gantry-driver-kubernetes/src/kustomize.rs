//! What manifests and kustomizations come to: the latter by way of kubectl.

use std::sync::Arc;
use std::time::Duration;

use camino::Utf8Path;
use gantry_driver::{DriverError, HostJobs, JobRequest};
use gantry_stack::modes::kubernetes::KubernetesSpec;
use serde_json::Value;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::Instant;

use crate::manifest;

/// How long a kustomization may take to be read, and how much of it is taken.
const LIMIT: Duration = Duration::from_mins(1);
const CAPTURE: u64 = 64 * 1024 * 1024;

/// For how long it is remembered what a kustomization came to.
const FRESH: Duration = Duration::from_secs(5);

/// The objects of a service as they are written. `name` is that of the run of kubectl, if there is one.
pub(crate) async fn objects(
    host: Result<&Arc<dyn HostJobs>, DriverError>,
    spec: &KubernetesSpec,
    name: String,
) -> Result<Vec<Value>, DriverError> {
    let Some(folder) = &spec.kustomize else {
        let documents = manifest::read(&spec.manifests).map_err(|errors| wrong(&errors))?;
        return Ok(documents.into_iter().map(|one| one.object).collect());
    };
    run(host?, spec.tools.kubectl(), folder, name).await
}

fn wrong(errors: &[manifest::ManifestError]) -> DriverError {
    let all: Vec<String> = errors.iter().map(ToString::to_string).collect();
    DriverError::permanent("manifests", all.join("; "))
}

async fn run(
    host: &Arc<dyn HostJobs>,
    mut command: Vec<String>,
    folder: &Utf8Path,
    name: String,
) -> Result<Vec<Value>, DriverError> {
    command.extend(["kustomize".to_owned(), folder.to_string()]);
    let job = JobRequest {
        folder: Some(folder.to_owned()),
        ..JobRequest::host(name, command, LIMIT, CAPTURE)
    };
    let outcome = host.run(job).await?;
    if let Some(wrong) = outcome.wrong(LIMIT) {
        let reason = format!("kubectl kustomize {folder} {wrong}");
        return Err(DriverError::permanent("kustomize", reason));
    }
    let (mut documents, mut errors) = (Vec::new(), Vec::new());
    manifest::parse(folder, &outcome.stdout, &mut documents, &mut errors);
    if errors.is_empty() {
        Ok(documents.into_iter().map(|one| one.object).collect())
    } else {
        Err(wrong(&errors))
    }
}

/// The same for pre-flight, several of whose needs ask at the same moment about one service: kubectl is run once. What
/// it came to for who sent the specification is in that (`content`), so another one is another question.
#[derive(Debug, Default)]
pub(crate) struct Lately(Mutex<Vec<Known>>);

#[derive(Debug)]
struct Known {
    spec: KubernetesSpec,
    since: Instant,
    objects: Arc<OnceCell<Result<Vec<Value>, DriverError>>>,
}

impl Lately {
    pub(crate) async fn objects(
        &self,
        host: &Arc<dyn HostJobs>,
        spec: &KubernetesSpec,
    ) -> Result<Vec<Value>, DriverError> {
        let Some(folder) = &spec.kustomize else {
            return objects(Ok(host), spec, String::new()).await;
        };
        let cell = {
            let mut all = self.0.lock().await;
            all.retain(|known| known.since.elapsed() < FRESH);
            if let Some(known) = all.iter().find(|known| known.spec == *spec) {
                Arc::clone(&known.objects)
            } else {
                let objects = Arc::default();
                all.push(Known {
                    spec: spec.clone(),
                    since: Instant::now(),
                    objects: Arc::clone(&objects),
                });
                objects
            }
        };
        let name = format!("kustomize {folder}");
        let run = || run(host, spec.tools.kubectl(), folder, name);
        cell.get_or_init(run).await.clone()
    }
}
