//! Getting a chart: once for each version, into the stack's own folder. What a version or a range of versions has come to
//! is written down, so that a restart never brings another one.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use gantry_core::FailureKind;
use gantry_driver::{DriverError, JobOutcome, StackIdentity};
use gantry_stack::modes::helm::{HelmSpec, Repository};
use serde::{Deserialize, Serialize};

use super::tool::{Ask, Tool, failure, not_updated};
use super::words::{self, INPUT};
use crate::chart::{self, Metadata, Place};

/// How long one download may take.
const LIMIT: Duration = Duration::from_mins(10);

/// How often, and after which time, what failed for a passing reason is tried again.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

/// A chart that is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chart {
    /// A folder or an archive.
    pub(crate) path: Utf8PathBuf,
    pub(crate) metadata: Metadata,
}

/// What a wish came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Pin {
    version: u32,
    /// What was wished for.
    wish: String,
    /// The archive's name in the folder of archives.
    archive: String,
}

const VERSION: u32 = 1;

/// Gets a service's chart. `afresh` looks for a newer version where a range was asked for.
pub(crate) async fn fetch(
    tool: &Tool,
    stack: &StackIdentity,
    service: &str,
    spec: &HelmSpec,
    afresh: bool,
) -> Result<Chart, DriverError> {
    let fetching = Fetching {
        tool,
        service,
        spec,
        folder: stack.state_dir.join("helm"),
    };
    match Place::of(&spec.chart) {
        Place::Here(path) => fetching.here(path).await,
        Place::Repository { repository, chart } => {
            fetching.remote(Some(&repository), &chart, afresh).await
        }
        Place::Address(address) => fetching.remote(None, &address, afresh).await,
    }
}

/// Whether a chart is a file or a folder of this machine.
pub(crate) fn is_here(spec: &HelmSpec) -> bool {
    matches!(Place::of(&spec.chart), Place::Here(_))
}

/// Where a chart is for which nothing has to be fetched.
pub(crate) fn is_whole(spec: &HelmSpec) -> Option<Utf8PathBuf> {
    let Place::Here(path) = Place::of(&spec.chart) else {
        return None;
    };
    let metadata = chart::metadata(&path).ok()?;
    let misses = path.is_dir()
        && (spec.update_dependencies || !chart::missing_dependencies(&path, &metadata).is_empty());
    (!misses).then_some(path)
}

struct Fetching<'a> {
    tool: &'a Tool,
    service: &'a str,
    spec: &'a HelmSpec,
    folder: Utf8PathBuf,
}

/// How a chart is asked for.
struct Source {
    /// What is given to `helm pull`.
    name: String,
    flags: Vec<String>,
    input: Option<Vec<u8>>,
    /// The repository whose list is fetched before.
    list: Option<String>,
}

impl Fetching<'_> {
    async fn here(&self, path: Utf8PathBuf) -> Result<Chart, DriverError> {
        let metadata = read(&path)?;
        if !path.is_dir() {
            return Ok(Chart { path, metadata });
        }
        let missing = chart::missing_dependencies(&path, &metadata);
        if !missing.is_empty() || self.spec.update_dependencies {
            self.dependencies(&path, &metadata).await?;
        }
        Ok(Chart { path, metadata })
    }

    /// Fetches what a chart's folder needs: as its lock says, if there is one.
    async fn dependencies(&self, path: &Utf8Path, metadata: &Metadata) -> Result<(), DriverError> {
        let lock = path.join("Chart.lock");
        let had_lock = lock.is_file();
        let locked = had_lock && !self.spec.update_dependencies;
        let verb = if locked { "build" } else { "update" };
        let needed = metadata.dependencies.iter().map(|it| it.repository.clone());
        let more: Vec<String> = needed
            .filter(|url| url.starts_with("http://") || url.starts_with("https://"))
            .collect();
        let mut words: Vec<String> = ["dependency", verb, path.as_str()]
            .map(str::to_owned)
            .to_vec();
        words.extend(self.repository_flags());
        let input = words::repositories(self.named(), &more);
        // A Helm that is run by sudo would make it for root alone.
        let charts = path.join("charts");
        fs::create_dir_all(&charts).map_err(|error| disk(&charts, &error))?;
        self.insist(
            &format!("dependencies of {}", self.service),
            words,
            Some(input),
        )
        .await?;
        take_over(&charts)?;
        take_over(path)?;
        if !had_lock {
            // A chart that its user keeps without a lock stays one: it would look like a change of the chart.
            let _ = fs::remove_file(&lock);
        }
        Ok(())
    }

    fn named(&self) -> impl Iterator<Item = (&str, &Repository)> {
        let all = self.spec.repositories.iter();
        all.map(|(name, repository)| (name.as_str(), repository))
    }

    fn repository_flags(&self) -> Vec<String> {
        let cache = self.folder.join("cache");
        let flags = [
            "--repository-config",
            INPUT,
            "--repository-cache",
            cache.as_str(),
        ];
        flags.map(str::to_owned).to_vec()
    }

    fn source(&self, repository: Option<&str>, chart: &str) -> Source {
        let Some(name) = repository else {
            let known = self.named();
            let mut known = known.map(|(_, repository)| repository);
            let of = known.find(|it| {
                chart.starts_with(&it.url) || words::host(chart) == words::host(&it.url)
            });
            return Self::address(chart.to_owned(), of);
        };
        match self.spec.repositories.get(name) {
            Some(of) if of.url.starts_with("oci://") => Self::address(
                format!("{}/{chart}", of.url.trim_end_matches('/')),
                Some(of),
            ),
            Some(_) => Source {
                name: format!("{name}/{chart}"),
                flags: self.repository_flags(),
                input: Some(words::repositories(self.named(), &[])),
                list: Some(name.to_owned()),
            },
            // One that the user has told Helm about.
            None => Source {
                name: format!("{name}/{chart}"),
                flags: Vec::new(),
                input: None,
                list: None,
            },
        }
    }

    fn address(name: String, of: Option<&Repository>) -> Source {
        let mut flags: Vec<String> = Vec::new();
        let mut input = None;
        if let Some(file) = of.and_then(|of| of.ca_file.as_ref()) {
            flags.extend(["--ca-file".to_owned(), file.to_string()]);
        }
        if name.starts_with("oci://") {
            if words::is_local(words::host(&name)) {
                flags.push("--plain-http".to_owned());
            }
            input = of.and_then(words::registry);
            if input.is_some() {
                flags.extend(["--registry-config", INPUT].map(str::to_owned));
            }
        }
        Source {
            name,
            flags,
            input,
            list: None,
        }
    }

    async fn remote(
        &self,
        repository: Option<&str>,
        chart: &str,
        afresh: bool,
    ) -> Result<Chart, DriverError> {
        let url = repository.and_then(|name| self.spec.repositories.get(name));
        let url = url.map_or("", |it| it.url.as_str());
        let version = self.spec.version.as_deref().unwrap_or("newest");
        let wish = format!("{} {url} {version}", self.spec.chart);
        let archives = self.folder.join("charts");
        if !afresh && let Some(path) = self.pinned(&wish) {
            let metadata = read(&path)?;
            return Ok(Chart { path, metadata });
        }
        let source = self.source(repository, chart);
        make(&archives)?;
        make(&self.folder.join("cache"))?;
        if let Some(name) = &source.list {
            let mut words = ["repo", "update", name].map(str::to_owned).to_vec();
            words.extend(source.flags.iter().cloned());
            self.insist(&format!("list of {name}"), words, source.input.clone())
                .await?;
        }
        let landing = self.folder.join(format!("pull-{}", self.service));
        // What an earlier pull left half done.
        let _ = fs::remove_dir_all(&landing);
        make(&landing)?;
        let mut words = ["pull", &source.name, "--destination", landing.as_str()]
            .map(str::to_owned)
            .to_vec();
        if let Some(version) = &self.spec.version {
            words.extend(["--version".to_owned(), version.clone()]);
        }
        words.extend(source.flags);
        self.insist(&format!("pull of {}", self.service), words, source.input)
            .await?;
        take_over(&self.folder.join("cache"))?;
        take_over(&landing)?;
        let landed = landing.read_dir_utf8().into_iter().flatten().flatten();
        let mut landed = landed.map(|entry| entry.path().to_owned());
        let landed = landed.find(|path| path.extension() == Some("tgz"));
        let Some(landed) = landed else {
            let reason = format!("helm pull of {} has brought no chart", source.name);
            return Err(DriverError::permanent("chart", reason));
        };
        let metadata = read(&landed)?;
        // Two repositories may have charts of one name.
        let sum = blake3::hash(format!("{url} {chart}").as_bytes()).to_hex();
        let name = format!("{metadata}-{}.tgz", &sum[..8]);
        let path = archives.join(&name);
        fs::rename(&landed, &path).map_err(|error| disk(&path, &error))?;
        let _ = fs::remove_dir_all(&landing);
        self.pin(wish, name)?;
        Ok(Chart { path, metadata })
    }

    fn pin_path(&self, wish: &str) -> Utf8PathBuf {
        let sum = blake3::hash(wish.as_bytes()).to_hex();
        self.folder
            .join("pins")
            .join(format!("{}.json", &sum[..32]))
    }

    /// What this wish has come to before.
    fn pinned(&self, wish: &str) -> Option<Utf8PathBuf> {
        let text = fs::read(self.pin_path(wish)).ok()?;
        let pin: Pin = serde_json::from_slice(&text).ok()?;
        let path = self.folder.join("charts").join(pin.archive);
        (pin.version == VERSION && pin.wish == wish && path.is_file()).then_some(path)
    }

    fn pin(&self, wish: String, archive: String) -> Result<(), DriverError> {
        let path = self.pin_path(&wish);
        make(&self.folder.join("pins"))?;
        let pin = Pin {
            version: VERSION,
            wish,
            archive,
        };
        let text = serde_json::to_vec_pretty(&pin).unwrap_or_default();
        let temporary = path.with_extension("new");
        let written = fs::write(&temporary, text).and_then(|()| fs::rename(&temporary, &path));
        written.map_err(|error| disk(&path, &error))
    }

    /// Runs it, again and again where it failed for a passing reason.
    async fn insist(
        &self,
        what: &str,
        words: Vec<String>,
        input: Option<Vec<u8>>,
    ) -> Result<JobOutcome, DriverError> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let ask = Ask {
                name: format!("helm {what}").into(),
                words: words.clone(),
                input: input.clone(),
                limit: LIMIT,
                once: false,
            };
            let outcome = self.tool.run_bare(ask).await?;
            let error = match not_updated(&outcome) {
                Some(error) => error,
                None if outcome.success() => return Ok(outcome),
                None => failure("chart", &outcome, LIMIT),
            };
            match pauses.next() {
                Some(pause) if error.kind == FailureKind::Transient => {
                    tracing::info!(%error, what, "it is tried again");
                    tokio::time::sleep(pause).await;
                }
                _ => return Err(error),
            }
        }
    }
}

/// Makes files in a folder of ours our own, which a Helm that was run by sudo has written there as root's.
fn take_over(folder: &Utf8Path) -> Result<(), DriverError> {
    let wrong = |error: io::Error| disk(folder, &error);
    let own = fs::metadata(folder).map_err(wrong)?.uid();
    for entry in folder.read_dir_utf8().map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        let (path, metadata) = (entry.path(), entry.metadata().map_err(wrong)?);
        if metadata.is_file() && metadata.uid() != own {
            let copy = path.with_file_name(format!("{}.own", entry.file_name()));
            fs::copy(path, &copy).map_err(wrong)?;
            fs::rename(&copy, path).map_err(wrong)?;
        }
    }
    Ok(())
}

fn read(path: &Utf8Path) -> Result<Metadata, DriverError> {
    chart::metadata(path).map_err(|reason| DriverError::permanent("chart", reason))
}

fn make(folder: &Utf8Path) -> Result<(), DriverError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut folders = fs::DirBuilder::new();
    let made = folders.recursive(true).mode(0o700).create(folder);
    made.map_err(|error| disk(folder, &error))
}

fn disk(path: &Utf8Path, error: &io::Error) -> DriverError {
    DriverError::transient("chart", format!("{path} cannot be written: {error}"))
}
