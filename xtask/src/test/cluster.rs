//! A cluster of the test run's own: the stack of `examples/kubernetes`, brought up before the tests by the gantry that
//! was just built, and taken down after them.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::Context as _;
use tempfile::TempDir;

use super::Tally;
use crate::{kubernetes, shell};

/// Its number: none that somebody would choose.
const NUMBER: &str = "230";

/// The cluster, while it runs.
pub(super) struct Cluster {
    home: TempDir,
}

impl Cluster {
    /// Builds its programs, and starts it. What cannot be is said, and the tests that need it are skipped.
    pub(super) fn start(tally: &mut Tally) -> Option<Self> {
        if shell::find_program("go").is_none() {
            let how = kubernetes::GO;
            tally.skip(format!("tests with a cluster need Go ({how})"));
            return None;
        }
        println!("==> a cluster");
        let begin = Instant::now();
        let started = kubernetes::build().and_then(|()| Self::up());
        println!("==> a cluster: {:.1} s", begin.elapsed().as_secs_f64());
        match started {
            Ok(cluster) => {
                tally.pass(1);
                Some(cluster)
            }
            Err(error) => {
                tally.fail(format!("a cluster: {error:#}"));
                None
            }
        }
    }

    fn up() -> anyhow::Result<Self> {
        anyhow::ensure!(shell::is_root(), "starting one needs root");
        let home = tempfile::Builder::new()
            .prefix("gantry-cluster-")
            .tempdir()?;
        let cluster = Self { home };
        let mut up = cluster.gantry(&["up", "-d", "--timeout", "110s"]);
        shell::run(&mut up).context("the cluster does not come up")?;
        Ok(cluster)
    }

    /// The variables that tell tests where it is.
    pub(super) fn variables() -> [(&'static str, String); 1] {
        let config = format!("/run/gantry-kubernetes-{NUMBER}/admin.conf");
        [("GANTRY_TEST_KUBECONFIG", config)]
    }

    fn gantry(&self, words: &[&str]) -> Command {
        let program: PathBuf = shell::root().join("target/debug/gantry");
        let mut command = Command::new(program);
        command
            .arg("-f")
            .arg(shell::root().join("examples/kubernetes/gantry.toml"))
            .args(words)
            .env("GANTRY_HOME", self.home.path())
            .env("CLUSTER", NUMBER)
            .env("CLUSTER_PROGRAMS", kubernetes::folder())
            .stdin(Stdio::null());
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(error) = shell::run(&mut self.gantry(&["down"])) {
            println!("==> the cluster stays: {error:#}");
        }
    }
}
