//! What tests need from Debian, installed where that is possible.

use std::path::Path;
use std::process::Command;

use crate::shell;

/// A program, where it may be besides `PATH`, and the package that has it.
const NEEDS: [(&str, &[&str], &str); 19] = [
    ("psql", &[], "postgresql-client"),
    ("postgres", &["/usr/lib/postgresql/*/bin"], "postgresql"),
    ("redis-server", &[], "redis-server"),
    ("nginx", &["/usr/sbin"], "nginx"),
    ("setpriv", &[], "util-linux"),
    ("sudo", &[], "sudo"),
    ("dockerd", &["/usr/sbin"], "docker.io"),
    ("podman", &[], "podman"),
    // Without these Podman's containers do not know each other's names.
    ("netavark", &["/usr/lib/podman"], "netavark"),
    ("aardvark-dns", &["/usr/lib/podman"], "aardvark-dns"),
    ("iptables", &["/usr/sbin"], "iptables"),
    ("busybox", &[], "busybox-static"),
    // The cluster of the Kubernetes example.
    ("containerd", &[], "containerd"),
    ("etcd", &[], "etcd-server"),
    ("bridge", &["/usr/lib/cni"], "containernetworking-plugins"),
    ("conntrack", &["/usr/sbin"], "conntrack"),
    ("openssl", &[], "openssl"),
    ("ip", &["/usr/sbin", "/sbin"], "iproute2"),
    // TLS in front of a proxy.
    ("socat", &[], "socat"),
];

/// Install what is missing. A failure is told and no more: the tests that need it are skipped.
pub(super) fn install() {
    let missing: Vec<&str> = NEEDS
        .iter()
        .filter(|(program, folders, _)| !is_there(program, folders))
        .map(|(_, _, package)| *package)
        .collect();
    if missing.is_empty() {
        return;
    }
    let can_install = shell::find_program("apt-get").is_some() && shell::is_root();
    if !can_install {
        println!(
            "==> missing: {}; installing needs root and apt-get",
            missing.join(", ")
        );
        return;
    }
    println!("==> installing {}", missing.join(", "));
    let apt = |words: &[&str]| {
        let mut command = Command::new("apt-get");
        // Packages must not start their own servers: the runlevel says "being set up".
        command
            .args(words)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("RUNLEVEL", "1");
        shell::run(&mut command)
    };
    let install = [
        &["install", "--yes", "--no-install-recommends"],
        missing.as_slice(),
    ]
    .concat();
    let outcome = apt(&install).or_else(|_| {
        // The lists of packages may never have been fetched.
        apt(&["update"])?;
        apt(&install)
    });
    if let Err(error) = outcome {
        println!("==> not installed: {error:#}");
    }
}

fn is_there(program: &str, folders: &[&str]) -> bool {
    let beside = folders.iter().any(|folder| match folder.split_once('*') {
        None => Path::new(folder).join(program).is_file(),
        Some((before, after)) => std::fs::read_dir(before).is_ok_and(|entries| {
            let after = after.trim_start_matches('/');
            entries
                .flatten()
                .any(|entry| entry.path().join(after).join(program).is_file())
        }),
    });
    beside || shell::find_program(program).is_some()
}
