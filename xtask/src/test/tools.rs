//! Compose commands for the tests, in a folder of their own: Debian 12 has none that is new enough, so they come
//! from the next release, by a configuration of apt that nothing else reads, and are unpacked and not
//! installed.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::shell;

/// The release that they come from.
const RELEASE: &str = "trixie";

/// What is unpacked: Docker's Compose, and podman-compose with what it imports.
const PACKAGES: [&str; 4] = [
    "docker-compose",
    "podman-compose",
    "python3-dotenv",
    "python3-yaml",
];

/// Where the plug-in is in its package.
const PLUG_IN: &str = "usr/libexec/docker/cli-plugins/docker-compose";

/// Where Debian's Python packages are.
const PYTHON: &str = "usr/lib/python3/dist-packages";

/// The variables with which tests find what is unpacked here; none if all is there anyway, or nothing.
pub(super) fn variables() -> Vec<(&'static str, String)> {
    let at = folder();
    let mut variables = Vec::new();
    if at.join("bin").is_dir() {
        let path = std::env::var("PATH").unwrap_or_default();
        variables.push(("PATH", format!("{}:{path}", at.join("bin").display())));
    }
    if at.join("docker").is_dir() {
        let docker = at.join("docker").display().to_string();
        variables.push(("DOCKER_CONFIG", docker));
    }
    variables
}

/// Unpacks what is missing. A failure is told and no more: the tests that need it are skipped.
pub(super) fn install() {
    if is_there() {
        return;
    }
    if shell::find_program("apt-get").is_none() || shell::find_program("dpkg").is_none() {
        println!("==> missing: a Compose command; getting one needs apt-get and dpkg");
        return;
    }
    println!("==> getting {} from {RELEASE}", PACKAGES.join(", "));
    if let Err(error) = unpack(&folder()) {
        println!("==> no Compose command: {error:#}");
    }
}

fn folder() -> PathBuf {
    shell::root().join("target/test-tools")
}

/// Whether both commands answer, ours or the machine's.
fn is_there() -> bool {
    let answers = |words: &[&str]| {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).envs(variables());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let status = command.stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    let ours = folder().join("bin/podman-compose").is_file();
    answers(&["docker", "compose", "version"])
        && (ours || shell::find_program("podman-compose").is_some())
}

fn unpack(at: &Path) -> anyhow::Result<()> {
    let apt = at.join("apt");
    for folder in ["lists/partial", "cache/archives/partial", "state", "none"] {
        fs::create_dir_all(apt.join(folder))?;
    }
    let key = "/usr/share/keyrings/debian-archive-keyring.gpg";
    let archive = archive().context("apt names no archive of this machine's release")?;
    let source = format!("deb [signed-by={key}] {archive} {RELEASE} main\n");
    fs::write(apt.join("sources.list"), source)?;
    let (apt, none) = (apt.display(), apt.join("none"));
    let none = none.display();
    let conf = format!(
        "Dir::State \"{apt}/state\";\nDir::State::lists \"{apt}/lists\";\nDir::Cache \"{apt}/cache\";\n\
         Dir::Etc::sourcelist \"{apt}/sources.list\";\nDir::Etc::sourceparts \"{none}\";\n\
         Dir::Etc::preferencesparts \"{none}\";\nDir::Etc::main \"{none}\";\n\
         APT::Sandbox::User \"root\";\n"
    );
    let conf_at = at.join("apt/apt.conf");
    fs::write(&conf_at, conf)?;
    let get = |words: &[&str], folder: &Path| {
        let mut command = Command::new("apt-get");
        command
            .args(["-qq"])
            .args(words)
            .env("APT_CONFIG", &conf_at);
        shell::run(command.current_dir(folder))
    };
    let archives = at.join("apt/cache/archives");
    get(&["update"], &archives)?;
    get(&[&["download"], &PACKAGES[..]].concat(), &archives)?;
    let tree = at.join("tree");
    for file in fs::read_dir(&archives)? {
        let file = file?.path();
        if file.extension().is_some_and(|it| it == "deb") {
            shell::run(Command::new("dpkg").arg("-x").arg(&file).arg(&tree))?;
        }
    }
    put_in_place(at, &tree).context("failed to put them in place")?;
    fs::remove_dir_all(at.join("apt")).context("failed to remove the lists of packages")
}

/// Where this machine gets its packages: another release of them is beside its own. Those of updates and of security have
/// a release with a suffix, and are archives of their own.
fn archive() -> anyhow::Result<String> {
    let mut apt = Command::new("apt-get");
    apt.args(["indextargets", "--format", "$(REPO_URI) $(RELEASE)"]);
    let targets = shell::output(apt.arg("Created-By: Packages"))?;
    let mut archives = targets.lines().filter_map(|line| line.split_once(' '));
    let own = archives.find(|(_, release)| !release.contains(['-', '/']));
    own.map(|(archive, _)| archive.to_owned())
        .context("none in its configuration")
}

fn put_in_place(at: &Path, tree: &Path) -> anyhow::Result<()> {
    let (bin, plug_ins) = (at.join("bin"), at.join("docker/cli-plugins"));
    fs::create_dir_all(&bin)?;
    fs::create_dir_all(&plug_ins)?;
    // Podman reads the same folder, and insists on this file.
    fs::write(at.join("docker/config.json"), "{}\n")?;
    // As a plug-in, and as a program of its own.
    for link in [plug_ins.join("docker-compose"), bin.join("docker-compose")] {
        let _old = fs::remove_file(&link);
        symlink(tree.join(PLUG_IN), &link)?;
    }
    let python = tree.join(PYTHON);
    let python = python.display();
    let script =
        format!("#!/bin/sh\nPYTHONPATH={python} exec python3 {python}/podman_compose.py \"$@\"\n");
    let program = bin.join("podman-compose");
    fs::write(&program, script)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    Ok(())
}
