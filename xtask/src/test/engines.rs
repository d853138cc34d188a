//! Container engines of the test run's own: started before the tests, ended after them, with all that
//! they keep in a folder that goes with them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::shell;

/// How long an engine may take until it answers.
const PATIENCE: Duration = Duration::from_secs(30);

/// What Podman needs to know of a machine without systemd and without its own runtime.
const CONTAINERS_CONF: &str = "[engine]\nruntime = \"runc\"\ncgroup_manager = \"cgroupfs\"\n\
                               events_logger = \"file\"\n[network]\nnetwork_backend = \"netavark\"\n\
                               [containers]\ndefault_ulimits = [\"nofile=16384:16384\", \"nproc=30000:30000\"]\n";

/// The engines that run, and where they are for tests.
#[derive(Default)]
pub(super) struct Engines {
    running: Vec<Child>,
    addresses: Vec<(&'static str, String)>,
    folder: Option<TempDir>,
}

impl Engines {
    /// Starts what is installed. What cannot be started is said, and the tests that need it are skipped.
    pub(super) fn start() -> Self {
        let mut engines = Self::default();
        if !shell::is_root() {
            println!("==> no container engines: starting them needs root");
            return engines;
        }
        let Ok(folder) = tempfile::Builder::new().prefix("gantry-engines-").tempdir() else {
            return engines;
        };
        let at = folder.path().to_owned();
        engines.folder = Some(folder);
        for (name, variable, command) in [
            ("dockerd", "GANTRY_TEST_DOCKER", docker(&at)),
            ("podman", "GANTRY_TEST_PODMAN", podman(&at)),
        ] {
            if shell::find_program(name).is_none() {
                continue;
            }
            match begin(name, &at, command) {
                Ok((child, socket)) => {
                    println!("==> {name} runs");
                    engines.running.push(child);
                    let address = format!("unix://{}", socket.display());
                    engines.addresses.push((variable, address));
                }
                Err(error) => println!("==> {name} does not run here: {error:#}"),
            }
        }
        engines
    }

    /// The variables that tell tests where they are.
    pub(super) fn variables(&self) -> &[(&'static str, String)] {
        &self.addresses
    }
}

impl Drop for Engines {
    fn drop(&mut self) {
        for child in &mut self.running {
            let id = child.id().to_string();
            // Asked, it ends what it started, and takes its mounts away.
            let _ = Command::new("kill").arg(&id).status();
            let begin = Instant::now();
            while begin.elapsed() < PATIENCE && !matches!(child.try_wait(), Ok(Some(_))) {
                std::thread::sleep(Duration::from_millis(50));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        if let Some(folder) = &self.folder {
            // Podman leaves its store mounted on itself.
            let store = folder.path().join("podman-data/overlay");
            let mut unmount = Command::new("umount");
            unmount
                .arg(store)
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let _ = unmount.status();
        }
    }
}

fn docker(at: &Path) -> Command {
    let mut command = Command::new("dockerd");
    command
        .arg("--data-root")
        .arg(at.join("dockerd-data"))
        .arg("--exec-root")
        .arg(at.join("dockerd-exec"))
        .arg("--pidfile")
        .arg(at.join("dockerd.pid"))
        .arg("--host")
        .arg(format!("unix://{}", socket(at, "dockerd").display()));
    command
}

fn podman(at: &Path) -> Command {
    let mut command = Command::new("podman");
    command
        .arg("--root")
        .arg(at.join("podman-data"))
        .arg("--runroot")
        .arg(at.join("podman-run"))
        .args(["system", "service", "--time=0"])
        .arg(format!("unix://{}", socket(at, "podman").display()))
        .env("CONTAINERS_CONF", at.join("containers.conf"));
    command
}

fn socket(at: &Path, name: &str) -> PathBuf {
    at.join(format!("{name}.sock"))
}

fn begin(name: &str, at: &Path, mut command: Command) -> anyhow::Result<(Child, PathBuf)> {
    std::fs::write(at.join("containers.conf"), CONTAINERS_CONF)?;
    let log = File::create(at.join(format!("{name}.log")))?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    let socket = socket(at, name);
    let begin = Instant::now();
    while std::os::unix::net::UnixStream::connect(&socket).is_err() {
        let ended = child.try_wait()?;
        if ended.is_some() || begin.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            let log = std::fs::read_to_string(at.join(format!("{name}.log"))).unwrap_or_default();
            let last = log.lines().last().unwrap_or("it said nothing").to_owned();
            anyhow::bail!("{last}");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok((child, socket))
}
