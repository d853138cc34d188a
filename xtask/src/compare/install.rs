//! Peers that the registries have, into places of their own.
//!
//! Debian's go where Debian's go, and only for root. Those of `PyPI` and npm go below
//! `target/compare`, and away with it.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;

use super::peer::{Peer, Source};
use crate::shell;

fn folder() -> PathBuf {
    shell::root().join("target/compare")
}

/// `PATH`, with the folders that peers are installed into.
pub(super) fn search_path() -> OsString {
    let own = [
        folder().join("python/bin"),
        folder().join("node/node_modules/.bin"),
    ];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = own.into_iter().chain(std::env::split_paths(&path));
    std::env::join_paths(folders).unwrap_or(path)
}

/// Install those that are missing. What cannot be had is a note, not an error: the others are
/// measured all the same.
pub(super) fn install<'a>(peers: impl Iterator<Item = &'a dyn Peer>) -> Vec<String> {
    let path = search_path();
    let mut notes = Vec::new();
    let mut updated = false;
    for peer in peers {
        let here = |program: &&str| shell::find_program_in(&path, program).is_some();
        if peer.programs().iter().all(here) {
            continue;
        }
        let done = match peer.source() {
            Source::Path => Ok(()),
            Source::Debian(package) => debian(package, &mut updated),
            Source::Python(package) => python(package),
            Source::Node(package) => node(package),
        };
        if let Err(error) = done {
            notes.push(format!("{}: not installed: {error:#}", peer.name()));
        }
    }
    notes
}

fn debian(package: &str, updated: &mut bool) -> anyhow::Result<()> {
    anyhow::ensure!(shell::is_root(), "only root can install {package}");
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").arg("-qq");
        command
    };
    if !*updated {
        shell::output(apt().arg("update"))?;
        *updated = true;
    }
    shell::output(apt().args(["install", "--yes", "--no-install-recommends", package]))?;
    Ok(())
}

fn python(package: &str) -> anyhow::Result<()> {
    let place = folder().join("python");
    if !place.join("bin/pip").is_file() {
        shell::output(Command::new("python3").args(["-m", "venv"]).arg(&place))?;
    }
    let mut pip = Command::new(place.join("bin/pip"));
    shell::output(pip.args(["install", "--quiet", package]))?;
    Ok(())
}

fn node(package: &str) -> anyhow::Result<()> {
    let place = folder().join("node");
    fs::create_dir_all(&place).with_context(|| format!("{}", place.display()))?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--silent", "--no-fund", "--no-audit", "--prefix"]);
    shell::output(npm.arg(&place).arg(package))?;
    Ok(())
}
