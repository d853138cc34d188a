//! What Helm keeps of a release in the cluster: one Secret for each revision, named `sh.helm.release.v1.NAME.vN`, of the
//! type `helm.sh/release.v1`, whose `release` is JSON, packed by gzip, in base64, in base64 again as all Secrets are. Helm 3
//! and 4 read and write the same.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use gantry_driver::{DriverError, PastRevision};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::cluster::{self, Cluster, trouble};
use crate::manifest;
use crate::object::Key;

/// The field of the Secret.
const FIELD: &str = "release";

/// An annotation of a revision's Secret: which gantry made it.
const HOME: &str = "gantry.dev/home";

/// An annotation by which an object outlives its release.
const POLICY: &str = "helm.sh/resource-policy";

/// One revision.
#[derive(Debug, Clone)]
pub(crate) struct Revision {
    /// Its number.
    pub(crate) number: u32,
    /// `deployed`, `failed`, `pending-install`, …
    pub(crate) status: String,
    /// Whose it is: the labels of its Secret.
    pub(crate) labels: std::collections::BTreeMap<String, String>,
    /// When it was written last, in RFC 3339.
    pub(crate) since: Option<String>,
    secret: Secret,
}

impl Revision {
    /// Whether a helm is at work at it, or was killed at its work.
    pub(crate) fn is_pending(&self) -> bool {
        self.status.starts_with("pending-")
    }

    /// Which gantry made it, if that is known.
    pub(crate) fn home(&self) -> Option<&str> {
        let annotations = self.secret.metadata.annotations.as_ref()?;
        annotations.get(HOME).map(String::as_str)
    }

    /// As it is told to people.
    pub(crate) fn told(&self) -> Result<PastRevision, DriverError> {
        let release = self.read()?;
        Ok(PastRevision {
            number: self.number,
            state: self.status.clone(),
            current: self.status == "deployed",
            worked: matches!(self.status.as_str(), "deployed" | "superseded"),
            at: self.since.as_deref().and_then(|at| at.parse().ok()),
            of: release.chart(),
            app_version: release.app_version().map(str::to_owned),
            description: release.description().map(str::to_owned),
        })
    }

    /// The whole of it.
    pub(crate) fn read(&self) -> Result<Release, DriverError> {
        let data = self.secret.data.as_ref().and_then(|data| data.get(FIELD));
        let read = data.and_then(|data| unpack(&data.0));
        let name = self.secret.metadata.name.as_deref().unwrap_or_default();
        read.map(Release).ok_or_else(|| {
            let reason = format!("what Helm keeps in the secret {name} cannot be read");
            DriverError::permanent("release", reason)
        })
    }
}

/// A release as Helm knows it.
#[derive(Debug, Clone)]
pub(crate) struct Release(Value);

impl Release {
    /// From what `helm … --output json` prints.
    pub(crate) fn printed(text: &str) -> Option<Self> {
        // Warnings may stand before it.
        let from = text.find('{')?;
        let mut read = serde_json::Deserializer::from_str(&text[from..]).into_iter::<Value>();
        read.next()?.ok().map(Self)
    }

    /// Its objects, without hooks, in Helm's order. Those without a namespace have none here.
    pub(crate) fn objects(&self) -> Vec<Value> {
        parse(self.0["manifest"].as_str().unwrap_or_default())
    }

    /// Its hooks.
    pub(crate) fn hooks(&self) -> Vec<Value> {
        let hooks = self.0["hooks"].as_array().into_iter().flatten();
        hooks
            .filter_map(|hook| hook["manifest"].as_str())
            .flat_map(parse)
            .collect()
    }

    /// What it is made of, as in `web-1.2.3`.
    pub(crate) fn chart(&self) -> String {
        let metadata = &self.0["chart"]["metadata"];
        let text = |name: &str| metadata[name].as_str().unwrap_or("?").to_owned();
        format!("{}-{}", text("name"), text("version"))
    }

    /// The version of what is in the chart.
    pub(crate) fn app_version(&self) -> Option<&str> {
        self.0["chart"]["metadata"]["appVersion"].as_str()
    }

    /// Whether the server knows which of its fields are Helm's.
    pub(crate) fn is_applied_by_server(&self) -> bool {
        self.0["apply_method"] == "ssa"
    }

    /// What Helm says of how it came about.
    pub(crate) fn description(&self) -> Option<&str> {
        self.0["info"]["description"].as_str()
    }

    /// What the chart tells its users.
    pub(crate) fn notes(&self) -> Option<&str> {
        let notes = self.0["info"]["notes"].as_str()?.trim();
        (!notes.is_empty()).then_some(notes)
    }

    /// The definitions that it brought along besides its objects, by name: Helm never removes them.
    pub(crate) fn definitions(&self) -> Vec<String> {
        let files = self.0["chart"]["files"].as_array().into_iter().flatten();
        let files = files.filter(|file| {
            let name = file["name"].as_str().unwrap_or_default();
            name.starts_with("crds/")
        });
        let texts = files.filter_map(|file| {
            let data = BASE64_STANDARD.decode(file["data"].as_str()?).ok()?;
            String::from_utf8(data).ok()
        });
        let objects = texts.flat_map(|text| parse(&text));
        objects.map(|object| Key::of(&object).name).collect()
    }
}

fn parse(text: &str) -> Vec<Value> {
    let (mut documents, mut wrong) = (Vec::new(), Vec::new());
    manifest::parse("release".into(), text, &mut documents, &mut wrong);
    documents.into_iter().map(|one| one.object).collect()
}

/// Whether an object stays when its release goes.
pub(crate) fn outlives(object: &Value) -> bool {
    object["metadata"]["annotations"][POLICY] == "keep"
}

fn unpack(data: &[u8]) -> Option<Value> {
    let packed = BASE64_STANDARD.decode(data).ok()?;
    let mut text = Vec::new();
    if packed.starts_with(&[0x1f, 0x8b]) {
        flate2::read::GzDecoder::new(packed.as_slice())
            .read_to_end(&mut text)
            .ok()?;
    } else {
        text = packed;
    }
    serde_json::from_slice(&text).ok()
}

fn pack(release: &Value) -> Option<Vec<u8>> {
    let text = serde_json::to_vec(release).ok()?;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(&text).ok()?;
    Some(BASE64_STANDARD.encode(packer.finish().ok()?).into_bytes())
}

/// Where revisions are.
pub(crate) fn api(cluster: &Cluster, namespace: &str) -> Api<Secret> {
    Api::namespaced(cluster.client.clone(), namespace)
}

/// What selects the revisions of a release.
pub(crate) fn selector(name: &str) -> String {
    format!("owner=helm,name={name}")
}

/// A revision, if this is one.
pub(crate) fn revision(secret: Secret) -> Option<Revision> {
    let labels = secret.metadata.labels.clone().unwrap_or_default();
    let since = labels.get("modifiedAt").or_else(|| labels.get("createdAt"));
    let since = since.and_then(|seconds| {
        let at = jiff::Timestamp::from_second(seconds.parse().ok()?).ok()?;
        Some(at.to_string())
    });
    Some(Revision {
        number: labels.get("version")?.parse().ok()?,
        status: labels.get("status")?.clone(),
        since,
        labels,
        secret,
    })
}

/// All revisions of a release, oldest first.
pub(crate) async fn revisions(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
) -> Result<Vec<Revision>, DriverError> {
    let parameters = ListParams::default().labels(&selector(name));
    let listed = api(cluster, namespace).list(&parameters).await;
    let listed = match listed {
        Ok(listed) => listed,
        // Nothing is in a namespace that is not there.
        Err(error) if cluster::is_absent(&error) => return Ok(Vec::new()),
        Err(error) => return Err(trouble("release", &error)),
    };
    let mut found: Vec<Revision> = listed.items.into_iter().filter_map(revision).collect();
    found.sort_by_key(|one| one.number);
    Ok(found)
}

/// Notes which gantry made a revision, where the next one that looks finds it.
pub(crate) async fn claim(
    cluster: &Cluster,
    namespace: &str,
    revision: &Revision,
    mark: &str,
) -> Result<(), DriverError> {
    let name = revision.secret.metadata.name.clone().unwrap_or_default();
    let patch = json!({ "metadata": { "annotations": { HOME: mark } } });
    let patched = api(cluster, namespace)
        .patch(&name, &PatchParams::default(), &Patch::Merge(&patch))
        .await;
    patched
        .map(|_| ())
        .map_err(|error| trouble("release", &error))
}

/// Forgets a revision that a run of ours left half done: then the one before counts.
pub(crate) async fn forget(
    cluster: &Cluster,
    namespace: &str,
    revision: &Revision,
) -> Result<(), DriverError> {
    let name = revision.secret.metadata.name.clone().unwrap_or_default();
    let deleted = api(cluster, namespace)
        .delete(&name, &DeleteParams::default())
        .await;
    match deleted {
        Err(error) if !cluster::is_absent(&error) => Err(trouble("release", &error)),
        _ => Ok(()),
    }
}

/// Sees to it that the claims of a release stay when it is uninstalled: data is never deleted by the way. Helm goes by the
/// manifests that it has noted, so they are told to stay there. Gives the claims.
pub(crate) async fn keep_claims(
    cluster: &Cluster,
    namespace: &str,
    revision: &Revision,
) -> Result<Vec<Key>, DriverError> {
    let Release(mut release) = revision.read()?;
    let text = release["manifest"].as_str().unwrap_or_default();
    let mut objects = parse(text);
    let mut claims = Vec::new();
    let mut changed = false;
    for object in &mut objects {
        let mut key = Key::of(object);
        if key.group.is_empty() && key.kind == "PersistentVolumeClaim" {
            key.namespace.get_or_insert_with(|| namespace.to_owned());
            claims.push(key);
            if !outlives(object) {
                object["metadata"]["annotations"][POLICY] = "keep".into();
                changed = true;
            }
        }
    }
    if !changed {
        return Ok(claims);
    }
    // JSON is YAML.
    let documents = objects.iter().map(|object| format!("---\n{object}\n"));
    release["manifest"] = documents.collect::<String>().into();
    let wrong = || DriverError::permanent("release", "the claims of the release cannot be kept");
    let packed = pack(&release).ok_or_else(wrong)?;
    let patch = json!({ "data": { FIELD: ByteString(packed) } });
    let name = revision.secret.metadata.name.clone().unwrap_or_default();
    let patched = api(cluster, namespace)
        .patch(&name, &PatchParams::default(), &Patch::Merge(&patch))
        .await;
    patched.map_err(|error| trouble("release", &error))?;
    Ok(claims)
}

#[cfg(test)]
mod tests;
