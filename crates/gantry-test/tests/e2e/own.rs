//! Engines of a test's own, which it may stop and start again. All that they have is in one folder.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gantry_test::{Engine, wait_until};
use rustix::process::{Pid, Signal, kill_process};

/// How long an engine may take to answer: the first time it makes all that it needs.
const ANSWERS: Duration = Duration::from_mins(1);

/// How often it is started that ends at once, and how much longer than before it is left alone each time.
const TRIES: u32 = 6;
const AGAIN: Duration = Duration::from_millis(300);

/// How an engine is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// At once.
    Killed,
    /// As a machine's own manager does it.
    Asked,
}

/// An engine.
pub(crate) struct Own {
    folder: tempfile::TempDir,
    program: &'static str,
    arguments: Vec<String>,
    variables: Vec<(&'static str, PathBuf)>,
    /// Where it is, if not in the machine's own network.
    network: Option<Network>,
    running: Option<Child>,
}

impl Own {
    /// A Podman; it takes registries at these addresses without TLS. None if there is no Podman, or no right to.
    pub(crate) fn podman(registries: &[&str]) -> Option<(Self, Engine)> {
        let folder = folder("gantry-podman-");
        let at = folder.path();
        let settings = "[engine]\nruntime = \"runc\"\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\n\
                        [containers]\ndefault_ulimits = [\"nofile=16384:16384\", \"nproc=30000:30000\"]\n";
        std::fs::write(at.join("containers.conf"), settings).expect("settings");
        let registries = registries
            .iter()
            .map(|address| format!("[[registry]]\nlocation = \"{address}\"\ninsecure = true\n"));
        let registries: String = registries.collect();
        std::fs::write(at.join("registries.conf"), registries).expect("settings");
        let path = |name: &str| at.join(name).to_string_lossy().into_owned();
        let arguments = vec![
            "--root".to_owned(),
            path("data"),
            "--runroot".to_owned(),
            path("run"),
            "system".to_owned(),
            "service".to_owned(),
            "--time=0".to_owned(),
            format!("unix://{}", path("engine.sock")),
        ];
        let own = Self {
            variables: vec![
                ("CONTAINERS_CONF", at.join("containers.conf")),
                ("CONTAINERS_REGISTRIES_CONF", at.join("registries.conf")),
                ("REGISTRY_AUTH_FILE", at.join("none.json")),
            ],
            program: "podman",
            arguments,
            network: None,
            running: None,
            folder,
        };
        own.begun(Engine::podman_at)
    }

    /// A Docker. `live_restore`: what it started lives on without it.
    pub(crate) fn docker(live_restore: bool) -> Option<(Self, Engine)> {
        let folder = folder("gantry-docker-");
        let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        let mut arguments = vec![
            "--data-root".to_owned(),
            path("data"),
            "--exec-root".to_owned(),
            path("exec"),
            "--pidfile".to_owned(),
            path("pid"),
            "--host".to_owned(),
            format!("unix://{}", path("engine.sock")),
        ];
        arguments.extend(live_restore.then(|| "--live-restore".to_owned()));
        let own = Self {
            variables: Vec::new(),
            program: "dockerd",
            arguments,
            // Two of them in one network take each other's bridge and firewall rules away.
            network: Some(Network::new()?),
            running: None,
            folder,
        };
        own.begun(Engine::docker_at)
    }

    fn begun(mut self, engine: fn(&str) -> Option<Engine>) -> Option<(Self, Engine)> {
        if !rustix::process::geteuid().is_root() || !self.start() {
            return None;
        }
        let engine = engine(&self.address())?;
        Some((self, engine))
    }

    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("engine.sock")
    }

    /// Says whether it answers. What one that was killed has left may be in its way for a moment: then it is tried
    /// again, as a machine's own manager does.
    pub(crate) fn start(&mut self) -> bool {
        (0..TRIES).any(|number| {
            std::thread::sleep(AGAIN * number);
            self.start_once()
        })
    }

    fn start_once(&mut self) -> bool {
        let log = std::fs::File::options()
            .append(true)
            .create(true)
            .open(self.folder.path().join("log"));
        let mut command = match &self.network {
            Some(network) => network.command(self.program),
            None => Command::new(self.program),
        };
        command
            .args(&self.arguments)
            .envs(self.variables.iter().map(|(name, path)| (name, path)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.expect("a log"));
        let Ok(child) = command.spawn() else {
            return false;
        };
        let child = self.running.insert(child);
        let socket = self.folder.path().join("engine.sock");
        let mut ended = || child.try_wait().ok().flatten().is_some();
        let state = || (answers(&socket), ended());
        let (answers, _) = wait_until(ANSWERS, "the engine answers", state, |(answers, ended)| {
            *answers || *ended
        });
        answers
    }

    pub(crate) fn stop(&mut self, how: Stop) {
        let Some(mut child) = self.running.take() else {
            return;
        };
        let signal = match how {
            Stop::Killed => Signal::KILL,
            Stop::Asked => Signal::TERM,
        };
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        // It may have ended by itself.
        let _ = kill_process(pid.expect("a process"), signal);
        child.wait().expect("it ends");
    }

    /// Removes the containers that a test which failed has left.
    fn clear(&self) {
        if self.running.is_none() {
            return;
        }
        let client = |words: &[&str]| {
            let mut command = match self.program {
                "podman" => Command::new("podman"),
                _ => Command::new("docker"),
            };
            match self.program {
                "podman" => command.args(["--remote", "--url", &self.address()]),
                _ => command.args(["--host", &self.address()]),
            };
            command.args(words).stdin(Stdio::null()).output().ok()
        };
        let listed = client(&["ps", "--all", "--quiet"]).map(|output| output.stdout);
        let listed = String::from_utf8_lossy(&listed.unwrap_or_default()).into_owned();
        for id in listed.lines() {
            client(&["rm", "--force", id]);
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.clear();
        self.stop(Stop::Asked);
        // Podman's store stays mounted on itself.
        unmount(&self.folder.path().join("data/overlay"));
    }
}

/// A network of its own, with nothing in it. It lasts as long as this, or whoever is in it.
struct Network {
    holder: Child,
}

impl Network {
    /// None without the right to, or the tool.
    fn new() -> Option<Self> {
        use std::io::Read as _;
        let mut command = Command::new("unshare");
        command
            .args(["--net", "sh", "-c", "echo; exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut holder = command.spawn().ok()?;
        // It is there as soon as the holder says something.
        let mut said = [0; 1];
        let made = holder.stdout.as_mut()?.read_exact(&mut said);
        let network = Self { holder };
        made.is_ok().then_some(network)
    }

    /// A program that will be in it, by its own number.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", self.holder.id()));
        command.args(["--", program]);
        command
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

fn folder(prefix: &str) -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix(prefix).tempdir();
    folder.expect("a folder")
}

/// A socket is there before anybody answers.
fn answers(socket: &Path) -> bool {
    use std::io::{Read as _, Write as _};
    let Ok(mut stream) = std::os::unix::net::UnixStream::connect(socket) else {
        return false;
    };
    let asked = stream.write_all(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n");
    let mut answer = [0; 12];
    asked.is_ok() && stream.read_exact(&mut answer).is_ok() && answer.ends_with(b"200")
}

fn unmount(path: &Path) {
    let mut command = Command::new("umount");
    let quiet = command
        .arg(path)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let _ = quiet.status();
}
