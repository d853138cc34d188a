//! One case with one tool: a namespace, a folder, the situation, and then the stopwatch.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use gantry_test::ChartRepository;
use tempfile::TempDir;

use super::case::{Base, Case, Change};
use super::knows::Lookout;
use crate::shell;

/// What gantry is told: the same limit as everybody.
const GANTRY: &str = "gantry up -d --timeout 20s";

/// Who hangs for so long, in seconds, is killed.
const HANGS: &str = "90";

/// Who may read charts, in base64: `reader:right`.
const LOGIN: &str = "cmVhZGVyOnJpZ2h0";

/// What is the same for all cases.
pub(super) struct Ground {
    root: TempDir,
    kubeconfig: PathBuf,
    path: OsString,
    repository: String,
    number: AtomicUsize,
}

/// A tool that is tried.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    Kubectl,
    Helm(u32),
    Gantry,
}

/// What came of it.
pub(super) struct Outcome {
    pub(super) tool: Tool,
    /// What it was told.
    pub(super) command: String,
    pub(super) took: Duration,
    pub(super) code: i32,
    /// All that it printed.
    pub(super) said: String,
    /// Whether that names the cause; nothing if the case has none.
    pub(super) named: Option<bool>,
    /// How long after the cluster knew the cause `status` named it; nothing where that was not looked at.
    pub(super) lag: Option<Lag>,
}

/// Nothing if it was not named while it was looked at.
pub(super) type Lag = Option<Duration>;

/// The place of one run.
pub(super) struct Place<'a> {
    ground: &'a Ground,
    folder: PathBuf,
    pub(super) namespace: String,
    helm: String,
    repository: String,
}

impl Tool {
    /// Who is tried with this case; gantry is the last.
    fn of(base: Base) -> &'static [Self] {
        match base {
            Base::Manifests => &[Self::Kubectl, Self::Gantry],
            Base::Chart => &[Self::Helm(3), Self::Helm(4), Self::Gantry],
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Kubectl => "kubectl",
            Self::Helm(3) => "Helm 3",
            Self::Helm(_) => "Helm 4",
            Self::Gantry => "gantry",
        }
    }
}

impl Ground {
    pub(super) fn new(kubeconfig: &Path, programs: &Path, gantry: &Path) -> anyhow::Result<Self> {
        for file in [kubeconfig, gantry, &programs.join("kubectl")] {
            ensure!(file.is_file(), "there is no {}", file.display());
        }
        // A name without a hyphen is not parted where lines are folded.
        let root = tempfile::Builder::new().prefix("words.").tempdir()?;
        // By its own name, whatever else is called so.
        let bin = root.path().join("bin");
        fs::create_dir(&bin)?;
        std::os::unix::fs::symlink(fs::canonicalize(gantry)?, bin.join("gantry"))?;
        let usual = std::env::var_os("PATH").unwrap_or_default();
        let folders = [bin, programs.to_path_buf()];
        let path = std::env::join_paths(folders.into_iter().chain(std::env::split_paths(&usual)))?;
        Ok(Self {
            repository: ChartRepository::serve(root.path(), LOGIN)?.url(),
            kubeconfig: kubeconfig.to_path_buf(),
            number: AtomicUsize::new(0),
            path,
            root,
        })
    }

    /// Each tool, one after the other.
    pub(super) fn try_case(&self, case: &Case) -> anyhow::Result<Vec<Outcome>> {
        let tools = Tool::of(case.base).iter();
        tools.map(|tool| self.try_tool(case, *tool)).collect()
    }

    fn try_tool(&self, case: &Case, tool: Tool) -> anyhow::Result<Outcome> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let folder = self.root.path().join(number.to_string());
        fs::create_dir(&folder)?;
        let place = Place {
            ground: self,
            namespace: format!("words-{}-{number}", std::process::id()),
            repository: format!("{}/{number}/stack/repository", self.repository),
            helm: match tool {
                Tool::Helm(release) => format!("helm{release}"),
                Tool::Kubectl | Tool::Gantry => "helm4".to_owned(),
            },
            folder,
        };
        let outcome = place.try_tool(case, tool);
        place.leave(tool)?;
        outcome
    }
}

impl Place<'_> {
    fn try_tool(&self, case: &Case, tool: Tool) -> anyhow::Result<Outcome> {
        let words = match tool {
            Tool::Gantry => GANTRY,
            Tool::Kubectl | Tool::Helm(_) => case.native(),
        };
        fs::copy(&self.ground.kubeconfig, self.folder.join("config"))?;
        self.write(case, case.earlier.as_ref().unwrap_or(&case.now))?;
        let namespace = &self.namespace;
        self.must(&format!(
            "kubectl config set-context --current --namespace={namespace}"
        ))?;
        if case.namespace {
            self.must("kubectl create namespace $NAMESPACE")?;
            self.must("kubectl wait --for=create serviceaccount/default --timeout=30s")?;
        }
        for line in &case.before {
            self.must(line)?;
        }
        if case.earlier.is_some() {
            // It may fail: that may be the situation.
            self.run(words)?;
            for line in &case.between {
                self.must(line)?;
            }
            self.write(case, &case.now)?;
        }
        let lookout = match tool {
            Tool::Gantry => Lookout::begin(self, case)?,
            Tool::Kubectl | Tool::Helm(_) => None,
        };
        let begin = Instant::now();
        let (code, said) = self.run(words)?;
        let elapsed = begin.elapsed();
        let lag = lookout.map(Lookout::end).transpose()?;
        let mut causes = case.cause.iter();
        let named = causes.any(|cause| said.contains(&cause.replace("$NAMESPACE", namespace)));
        Ok(Outcome {
            tool,
            command: self.plain(words).replace("$HELM", &self.helm),
            took: elapsed,
            code,
            named: (!case.cause.is_empty()).then_some(named),
            lag,
            said: self.plain(&said),
        })
    }

    fn write(&self, case: &Case, change: &Change) -> anyhow::Result<()> {
        let data = shell::root().join("xtask/kubernetes/words");
        case.write(&data, &self.folder.join("stack"), change)
    }

    /// Runs shell words that have to succeed.
    fn must(&self, words: &str) -> anyhow::Result<()> {
        let (code, said) = self.run(words)?;
        ensure!(code == 0, "{words}: {code}: {said}");
        Ok(())
    }

    /// Runs shell words; exit code, and what was printed, in its order.
    fn run(&self, words: &str) -> anyhow::Result<(i32, String)> {
        let path = self.folder.join("said");
        let said = File::create(&path)?;
        let mut command = Command::new("timeout");
        command.args(["--kill-after", "5", HANGS, "sh", "-c", words]);
        let mut command = self.placed(command);
        command.stdout(said.try_clone()?).stderr(said);
        let status = command.status().context("timeout cannot be run")?;
        let said = fs::read(path)?;
        let said = String::from_utf8_lossy(&said).into_owned();
        Ok((status.code().unwrap_or(-1), said))
    }

    /// A command with all that it needs around it.
    pub(super) fn placed(&self, mut command: Command) -> Command {
        command
            .current_dir(self.folder.join("stack"))
            .env("PATH", &self.ground.path)
            .env("HOME", &self.folder)
            .env("GANTRY_HOME", self.folder.join("home"))
            .env("GANTRY_HELM", &self.helm)
            .env("HELM", &self.helm)
            .env("KUBECONFIG", self.folder.join("config"))
            .env("NAMESPACE", &self.namespace)
            .env("REPOSITORY", &self.repository)
            .stdin(Stdio::null());
        command
    }

    /// Without what is another one in each run.
    fn plain(&self, said: &str) -> String {
        let stack = self.folder.join("stack").display().to_string();
        let folder = self.folder.display().to_string();
        // Where a line is folded within a path, it is after a slash.
        let said = said.replace("/\n  │ ", "/");
        said.replace(&self.repository, "http://repository")
            .replace("$REPOSITORY", "http://repository")
            .replace(&format!("{stack}/"), "")
            .replace(&stack, ".")
            .replace(&folder, "~")
            .replace(&self.namespace, "words")
    }

    /// Takes away what was made.
    fn leave(&self, tool: Tool) -> anyhow::Result<()> {
        let config = self.folder.join("config");
        if tool == Tool::Gantry && config.is_file() {
            let (code, said) = self.run("gantry down")?;
            // 5: nothing was up.
            if code != 0 && code != 5 {
                eprintln!("gantry down in {}: {code}: {said}", self.namespace);
            }
        }
        fs::copy(&self.ground.kubeconfig, config)?;
        self.must("kubectl delete namespace $NAMESPACE --ignore-not-found --wait=false")
    }
}
