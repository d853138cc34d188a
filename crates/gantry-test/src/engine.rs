//! Container engines for tests: those that the test command has started, or that are there anyway.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// The image that tests use: a static busybox, and nothing else.
const IMAGE: &str = "gantry-test:1";

/// Where a static busybox may be.
const BUSYBOX: [&str; 2] = ["/bin/busybox", "/usr/bin/busybox"];

/// An engine that answers, and has the tests' image.
#[derive(Debug, Clone)]
pub struct Engine {
    program: &'static str,
    address: String,
}

impl Engine {
    /// Docker, where `GANTRY_TEST_DOCKER` says or at its usual place.
    pub fn docker() -> Option<Self> {
        Self::ready("docker", "GANTRY_TEST_DOCKER", "/var/run/docker.sock")
    }

    /// Podman, where `GANTRY_TEST_PODMAN` says or at its usual place.
    pub fn podman() -> Option<Self> {
        Self::ready("podman", "GANTRY_TEST_PODMAN", "/run/podman/podman.sock")
    }

    /// A Podman at this address.
    pub fn podman_at(address: &str) -> Option<Self> {
        Self::at("podman", address)
    }

    /// A Docker at this address.
    pub fn docker_at(address: &str) -> Option<Self> {
        Self::at("docker", address)
    }

    fn at(program: &'static str, address: &str) -> Option<Self> {
        let engine = Self {
            program,
            address: address.to_owned(),
        };
        engine.make_image().then_some(engine)
    }

    fn ready(program: &'static str, variable: &str, usual: &str) -> Option<Self> {
        let address = match std::env::var(variable) {
            Ok(address) if !address.is_empty() => address,
            _ if Path::new(usual).exists() => format!("unix://{usual}"),
            _ => return None,
        };
        let engine = Self { program, address };
        engine.say(&["version"])?;
        engine.make_image().then_some(engine)
    }

    /// `docker` or `podman`.
    pub fn name(&self) -> &'static str {
        self.program
    }

    /// `unix://…`
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The image's name.
    pub fn image(&self) -> &'static str {
        IMAGE
    }

    /// A command of the engine's own client.
    pub fn client(&self) -> Command {
        let mut command = Command::new(self.program);
        match self.program {
            "podman" => command.args(["--remote", "--url", &self.address]),
            _ => command.args(["--host", &self.address]),
        };
        command
    }

    /// Whether a Compose command, by its name, is installed and answers.
    pub fn has_compose(&self, command: &str) -> bool {
        let mut words = command.split(' ');
        let Some(program) = words.next() else {
            return false;
        };
        let version = if program == "podman-compose" {
            "--version"
        } else {
            "version"
        };
        let answer = Command::new(program)
            .args(words)
            .arg(version)
            .env("CONTAINER_HOST", &self.address)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        answer.is_ok_and(|status| status.success())
    }

    /// What such a command prints, if it succeeds.
    pub fn say(&self, words: &[&str]) -> Option<String> {
        let output = self
            .client()
            .args(words)
            .stdin(Stdio::null())
            .output()
            .ok()?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(text)
    }

    /// Containers, networks and volumes of the stack with this id.
    pub fn things_of(&self, stack: &str) -> Vec<String> {
        let filter = format!("label=gantry.stack={stack}");
        let lists: [&[&str]; 3] = [
            &["ps", "-a", "--format", "{{.Names}}", "--filter", &filter],
            &[
                "network",
                "ls",
                "--format",
                "{{.Name}}",
                "--filter",
                &filter,
            ],
            &["volume", "ls", "--format", "{{.Name}}", "--filter", &filter],
        ];
        let lists = lists.iter().filter_map(|words| self.say(words));
        let lines = lists.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
        lines.collect()
    }

    /// Images that were built for the stack with this id.
    pub fn images_of(&self, stack: &str) -> Vec<String> {
        let filter = format!("label=gantry.stack={stack}");
        let listed = self.say(&["image", "ls", "--quiet", "--filter", &filter]);
        listed
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Removes what stacks left whose ids end in this.
    pub fn clean(&self, suffix: &str) {
        let of = |words: &[&str]| -> Vec<String> {
            let names = self.say(words).unwrap_or_default();
            let names = names.lines().map(str::trim);
            let ours = names.filter(|name| name.starts_with("gantry-") && name.contains(suffix));
            ours.map(str::to_owned).collect()
        };
        for name in of(&["ps", "-a", "--format", "{{.Names}}"]) {
            self.say(&["rm", "--force", &name]);
        }
        for name in of(&["network", "ls", "--format", "{{.Name}}"]) {
            self.say(&["network", "rm", &name]);
        }
    }

    /// Makes the image, if the engine does not have it.
    fn make_image(&self) -> bool {
        if self.say(&["image", "inspect", IMAGE]).is_some() {
            return true;
        }
        let Some(busybox) = BUSYBOX.iter().find(|path| is_static(Path::new(path))) else {
            return false;
        };
        let Ok(folder) = tempfile::tempdir() else {
            return false;
        };
        let tree = folder.path();
        plant(tree, Path::new(busybox)).is_ok() && self.import(tree)
    }

    fn import(&self, tree: &Path) -> bool {
        let archive = tree.with_extension("tar");
        let packed = Command::new("tar")
            .arg("--directory")
            .arg(tree)
            .arg("--create")
            .arg("--file")
            .arg(&archive)
            .arg(".")
            .status();
        let imported = packed.is_ok_and(|status| status.success())
            && self
                .client()
                .arg("import")
                .arg(&archive)
                .arg(IMAGE)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success());
        let _ = std::fs::remove_file(&archive);
        // Another test may have made it at the same moment.
        imported || self.say(&["image", "inspect", IMAGE]).is_some()
    }
}

/// A tree with busybox, its links, and the few folders that programs expect.
fn plant(tree: &Path, busybox: &Path) -> std::io::Result<()> {
    for folder in ["bin", "etc", "tmp", "root", "proc", "sys", "dev"] {
        std::fs::create_dir(tree.join(folder))?;
    }
    let program = tree.join("bin/busybox");
    std::fs::copy(busybox, &program)?;
    let listed = Command::new(busybox).arg("--list").output()?;
    for name in String::from_utf8_lossy(&listed.stdout).lines() {
        if name != "busybox" {
            std::os::unix::fs::symlink("busybox", tree.join("bin").join(name))?;
        }
    }
    std::fs::write(tree.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n")
}

/// Whether a program needs no libraries: those of this machine are not in the image.
fn is_static(program: &Path) -> bool {
    let mut bytes = Vec::new();
    let read = std::fs::File::open(program).and_then(|mut file| file.read_to_end(&mut bytes));
    let loader = b"/ld-linux";
    read.is_ok() && !bytes.windows(loader.len()).any(|part| part == loader)
}
