//! Images that no registry has to give: a busybox, and the program that holds a pod.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use serde_json::json;

use crate::shell;

/// Where a static busybox may be.
const BUSYBOX: [&str; 2] = ["/bin/busybox", "/usr/bin/busybox"];

/// Makes both, as archives of the form that `docker save` writes.
pub(super) fn make(at: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(at)?;
    let work = tempfile::tempdir()?;
    let busybox = work.path().join("busybox");
    busybox_tree(&busybox)?;
    archive(
        &busybox,
        "docker.io/library/busybox:1.36",
        "/bin/sh",
        &at.join("busybox.tar"),
    )?;
    let pause = work.path().join("pause");
    fs::create_dir(&pause)?;
    let source = shell::root().join("examples/kubernetes/programs/pause/pause.c");
    let mut compile = Command::new("cc");
    compile
        .args(["-static", "-Os", "-s", "-o"])
        .arg(pause.join("pause"))
        .arg(source);
    shell::run(&mut compile)?;
    archive(
        &pause,
        "gantry.example/pause:1",
        "/pause",
        &at.join("pause.tar"),
    )
}

fn busybox_tree(root: &Path) -> anyhow::Result<()> {
    let program = BUSYBOX.iter().map(Path::new).find(|path| path.is_file());
    let program = program.context("no busybox here: install the package busybox-static")?;
    for folder in ["bin", "etc", "root", "tmp"] {
        fs::create_dir_all(root.join(folder))?;
    }
    fs::copy(program, root.join("bin/busybox"))?;
    fs::write(
        root.join("etc/passwd"),
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    )?;
    let names = shell::output(Command::new(program).arg("--list"))?;
    for name in names.lines().filter(|name| *name != "busybox") {
        symlink("busybox", root.join("bin").join(name))?;
    }
    Ok(())
}

/// An image of one layer.
fn archive(tree: &Path, name: &str, command: &str, to: &Path) -> anyhow::Result<()> {
    let work = tempfile::tempdir()?;
    let layer = work.path().join("layer.tar");
    // The same tree makes the same bytes: who has the image already keeps it.
    let mut tar = Command::new("tar");
    tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner"])
        .args(["--mtime=@0", "--create", "--file"])
        .arg(&layer)
        .arg("--directory")
        .arg(tree)
        .arg(".");
    shell::run(&mut tar)?;
    let sum = shell::output(Command::new("sha256sum").arg(&layer))?;
    let sum = sum.split(' ').next().unwrap_or_default();
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let config = json!({
        "architecture": architecture,
        "os": "linux",
        "config": {
            "Cmd": [command],
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{sum}")] },
        "history": [{ "created_by": "cargo xtask kubernetes build" }],
    });
    let manifest = json!([{
        "Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"],
    }]);
    fs::write(work.path().join("config.json"), config.to_string())?;
    fs::write(work.path().join("manifest.json"), manifest.to_string())?;
    let mut tar = Command::new("tar");
    tar.args(["--create", "--file"])
        .arg(to)
        .arg("--directory")
        .arg(work.path())
        .args(["manifest.json", "config.json", "layer.tar"]);
    shell::run(&mut tar)
}
