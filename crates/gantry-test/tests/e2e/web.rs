//! The example of Debian's packages, as root and as an ordinary user.

use gantry_test::{Sandbox, User, skip};

use crate::support::{address, all_ready, example, get, service};

/// The first program that the example needs and that is not here.
fn missing() -> Option<&'static str> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = |program: &str| std::env::split_paths(&path).any(|dir| dir.join(program).is_file());
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let servers = versions
        .filter(|version| version.path().join("bin/postgres").is_file())
        .count();
    if servers == 0 {
        return Some("postgresql");
    }
    ["psql", "pg_isready", "redis-server", "nginx"]
        .into_iter()
        .find(|program| !found(program))
}

fn round(test: &str, user: User, files: &[&str]) {
    if let Some(program) = missing() {
        skip(test, program);
        return;
    }
    let sandbox = Sandbox::of(user);
    sandbox.copy(&example("web"));
    let data = tempfile::Builder::new()
        .prefix("gantry-web-")
        .tempdir()
        .expect("a folder");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(data.path(), open).expect("permissions");
    let gantry = |verb: &[&str]| -> gantry_test::Run {
        let files = files.iter().flat_map(|file| ["-f", *file]);
        let mut command = sandbox.command(files.chain(verb.iter().copied()));
        command.env("WEB_DATA", data.path()).env("WEB_PORT", "0");
        gantry_test::output(&mut command).into()
    };

    gantry(&["up", "-d"]).expect(0);
    let status = gantry(&["status", "-o", "json"]).expect(0).json();
    assert!(all_ready(&status), "{status:#}");
    assert_eq!(service(&status, "migrate")["state"], "completed");
    let (code, page) = get(&address(&status, "front"), "/").expect("an answer");
    assert_eq!(code, 200, "{page}");
    assert!(
        page.contains("visit 1\n") && page.contains("crane costs 98000"),
        "{page}"
    );

    gantry(&["down"]).expect(0);
    sandbox.expect_nothing_left();
    assert!(
        !data.path().join("nginx/nginx.pid").exists(),
        "nginx ended in order"
    );
}

#[test]
fn as_root() {
    if rustix::process::geteuid().is_root() {
        round("web::as_root", User::Same, &["gantry.toml", "as-root.toml"]);
    } else {
        skip("web::as_root", "root");
    }
}

#[test]
fn as_an_ordinary_user() {
    let root = rustix::process::geteuid().is_root();
    let user = if root { User::Ordinary } else { User::Same };
    round("web::as_an_ordinary_user", user, &["gantry.toml"]);
}
