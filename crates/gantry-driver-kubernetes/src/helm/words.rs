//! What stands behind `helm`. Nothing that may be secret does: values and what a repository asks for go in by way of its
//! standard input.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use gantry_stack::modes::helm::{HelmSpec, Repository};
use serde_json::{Value, json};

use super::kinds::Served;
use super::tool::Tool;

/// Where a program finds what it was given as its input, as often as it likes.
pub(crate) const INPUT: &str = "/dev/stdin";

/// An installation or an upgrade.
pub(crate) struct Upgrade<'a> {
    pub(crate) spec: &'a HelmSpec,
    pub(crate) release: &'a str,
    pub(crate) namespace: &'a str,
    /// A folder, an archive, or an address.
    pub(crate) chart: &'a str,
    /// Labels of ours.
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) limit: Duration,
}

impl Upgrade<'_> {
    /// The words.
    pub(crate) fn words(&self, tool: &Tool) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        let mut add = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
        let limit = format!("{}s", self.limit.as_secs().max(1));
        let history = self.spec.history.to_string();
        add(&["upgrade", "--install", self.release, self.chart]);
        add(&["--namespace", self.namespace, "--timeout", &limit]);
        add(&["--history-max", &history]);
        // Without a word about it, no values at all would mean those of before.
        add(match (self.spec.reuse, tool.version >= (3, 14)) {
            (false, _) => &["--reset-values"],
            (true, true) => &["--reset-then-reuse-values"],
            (true, false) => &["--reuse-values"],
        });
        if !self.spec.hooks {
            add(&["--no-hooks"]);
        }
        if !self.spec.crds {
            add(&["--skip-crds"]);
        }
        if self.spec.adopt && tool.version >= (3, 17) {
            add(&["--take-ownership"]);
        }
        let own = self.spec.labels.iter();
        let own = own.map(|(name, value)| (name.clone(), value.clone()));
        let labels = own.chain(self.labels.iter().cloned());
        let labels: Vec<String> = labels
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        add(&["--labels", &labels.join(",")]);
        words.extend(self.more_words());
        words
    }

    /// The words that have it rendered for a cluster with this version and these kinds, without asking one.
    pub(crate) fn template_words(&self, version: &str, served: &[Served]) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        let mut add = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
        add(&["template", self.release, self.chart]);
        add(&["--namespace", self.namespace, "--kube-version", version]);
        let mut known: Vec<String> = served.iter().map(|one| one.api_version.clone()).collect();
        known.dedup();
        let kinds = served
            .iter()
            .map(|one| format!("{}/{}", one.api_version, one.kind));
        known.extend(kinds);
        for one in &known {
            add(&["--api-versions", one]);
        }
        add(&[if self.spec.crds {
            "--include-crds"
        } else {
            "--skip-crds"
        }]);
        if !self.spec.hooks {
            add(&["--no-hooks"]);
        }
        words.extend(self.more_words());
        words
    }

    /// What is said of values and of what becomes of manifests, whatever is done.
    fn more_words(&self) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        let mut add = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
        for file in &self.spec.values_files {
            add(&["--values", file.as_str()]);
        }
        if self.input().is_some() {
            add(&["--values", "-"]);
        }
        if let Some((program, arguments)) = self
            .spec
            .post_renderer
            .as_deref()
            .and_then(<[_]>::split_first)
        {
            add(&["--post-renderer", program]);
            for argument in arguments {
                add(&["--post-renderer-args", argument]);
            }
        }
        words
    }

    /// The values of the stack file, which go over those of the files.
    pub(crate) fn input(&self) -> Option<Vec<u8>> {
        let values = &self.spec.values;
        if values.is_empty() {
            return None;
        }
        // JSON is YAML, and leaves nothing to guess.
        serde_json::to_vec(values).ok()
    }
}

/// A file of repositories, as `helm repo add` writes one.
pub(crate) fn repositories<'a>(
    all: impl IntoIterator<Item = (&'a str, &'a Repository)>,
    more: &[String],
) -> Vec<u8> {
    let mut entries: Vec<Value> = Vec::new();
    let mut urls: Vec<&str> = Vec::new();
    for (name, repository) in all {
        if repository.url.starts_with("oci://") {
            continue;
        }
        urls.push(&repository.url);
        entries.push(json!({
            "name": name,
            "url": repository.url,
            "username": repository.username.as_deref().unwrap_or_default(),
            "password": repository.password.as_deref().unwrap_or_default(),
            "caFile": repository.ca_file.as_ref().map_or("", |file| file.as_str()),
        }));
    }
    let is_known = |url: &String| {
        urls.iter()
            .any(|it| it.trim_end_matches('/') == url.trim_end_matches('/'))
    };
    for (at, url) in more.iter().filter(|url| !is_known(url)).enumerate() {
        entries.push(json!({ "name": format!("gantry-{at}"), "url": url }));
    }
    let file = json!({
        "apiVersion": "", "generated": "2001-01-01T00:00:00Z", "repositories": entries,
    });
    file.to_string().into_bytes()
}

/// A file of credentials for a registry, as `helm registry login` writes one; nothing if there are none.
pub(crate) fn registry(repository: &Repository) -> Option<Vec<u8>> {
    let (user, password) = (repository.username.as_ref()?, repository.password.as_ref()?);
    let auth = BASE64_STANDARD.encode(format!("{user}:{password}"));
    let host = host(&repository.url);
    Some(
        json!({ "auths": { host: { "auth": auth } } })
            .to_string()
            .into_bytes(),
    )
}

/// The host and port of an address.
pub(crate) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

/// Whether a host is this machine, where registries speak without TLS.
pub(crate) fn is_local(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name == "localhost" || name.starts_with("127.") || name == "[::1]"
}

#[cfg(test)]
mod tests;
