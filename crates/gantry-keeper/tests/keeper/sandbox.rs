//! What is taken from a process, seen from inside and from outside.

use std::fs;

use gantry_keeper::protocol::{Command, EventBody, Exit, Sandbox, SpawnFailure};

use crate::support::*;

fn boxed(script: &str, sandbox: Sandbox) -> Command {
    Command {
        sandbox,
        ..command(&["sh", "-c", script])
    }
}

/// A line of `/proc/PID/status`.
fn status(pid: u32, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap().trim_start_matches(':').trim().to_owned()
}

fn capabilities(pid: u32, name: &str) -> u64 {
    u64::from_str_radix(&status(pid, name), 16).unwrap()
}

impl Stack {
    fn run(&mut self, command: Command) -> Result<u32, SpawnFailure> {
        self.client.ask(spawn("a.1", 1, command)).unwrap();
        self.until(|body| match body {
            EventBody::Spawned { process, .. } => Some(Ok(process.pid)),
            EventBody::SpawnFailed { failure, .. } => Some(Err(failure.clone())),
            _ => None,
        })
    }
}

/// As root and as an ordinary user, where both can be tried.
fn users() -> Vec<Trees> {
    let mut all = vec![Trees::Best];
    if is_root() {
        all.push(Trees::Ordinary);
    } else {
        gantry_test::skip("a sandbox of another user", "root");
    }
    all
}

const NET_BIND: u64 = 1 << 10;

#[test]
fn no_program_gives_back_what_was_given_up() {
    for trees in users() {
        let mut stack = Stack::with(trees);
        let sandbox = Sandbox {
            no_new_privileges: true,
            ..Sandbox::default()
        };
        let pid = stack.run(boxed("exec sleep 1000", sandbox)).unwrap();
        assert_eq!(status(pid, "NoNewPrivs"), "1");
    }
}

#[test]
fn only_the_capabilities_that_are_named_are_kept() {
    if !is_root() {
        gantry_test::skip("keeping capabilities", "root");
        return;
    }
    let keep = |user: Option<&str>| Command {
        user: user.map(Into::into),
        group: user.map(Into::into),
        ..boxed(
            "exec sleep 1000",
            Sandbox {
                capabilities: Some(vec!["net-bind-service".into()]),
                ..Sandbox::default()
            },
        )
    };
    // Root has them as root does; another user is handed them on.
    for (user, ambient) in [(None, 0), (Some("65534"), NET_BIND)] {
        let mut stack = Stack::new();
        let pid = stack.run(keep(user)).unwrap();
        eventually("it runs sleep", || gantry_sys::cmdline(pid) == "sleep 1000");
        for set in ["CapEff", "CapPrm", "CapBnd"] {
            assert_eq!(capabilities(pid, set), NET_BIND, "{user:?} {set}");
        }
        assert_eq!(capabilities(pid, "CapAmb"), ambient, "{user:?}");
    }
}

#[test]
fn what_is_dropped_never_comes_back() {
    for trees in users() {
        let mut stack = Stack::with(trees);
        let sandbox = Sandbox {
            drop_capabilities: vec!["CAP_NET_BIND_SERVICE".into(), "chown".into()],
            ..Sandbox::default()
        };
        let pid = stack.run(boxed("exec sleep 1000", sandbox)).unwrap();
        let effective = capabilities(pid, "CapEff");
        assert_eq!(effective & (NET_BIND | 1), 0);
        if trees == Trees::Best && is_root() {
            assert_eq!(capabilities(pid, "CapBnd") & (NET_BIND | 1), 0);
            assert_ne!(effective, 0, "the rest is kept");
        }
    }
}

#[test]
fn what_we_do_not_have_cannot_be_kept() {
    for trees in users()
        .into_iter()
        .filter(|trees| *trees == Trees::Ordinary)
    {
        let mut stack = Stack::with(trees);
        let sandbox = Sandbox {
            capabilities: Some(vec!["net-bind-service".into()]),
            ..Sandbox::default()
        };
        let failure = stack.run(boxed("exec sleep 1000", sandbox)).unwrap_err();
        assert_eq!(failure.stage, "capabilities");
        assert_eq!(
            failure.message,
            "cannot leave it the capabilities net-bind-service: gantry runs without them itself"
        );
    }
}

#[test]
fn its_tmp_is_its_own() {
    for trees in users() {
        let mut stack = Stack::with(trees);
        let outside = tempfile::NamedTempFile::new_in("/tmp").unwrap();
        let path = outside.path().to_str().unwrap();
        let sandbox = Sandbox {
            private_tmp: true,
            ..Sandbox::default()
        };
        let own = format!("/tmp/gantry-test-own-{}", std::process::id());
        let script = format!("test ! -e {path} && touch {own} /var/tmp/x && test -e {own}");
        if let Err(failure) = stack.run(boxed(&script, sandbox)) {
            assert_eq!(failure.stage, "namespaces", "{trees:?}: {failure}");
            gantry_test::skip("a private /tmp of an ordinary user", &failure.message);
            continue;
        }
        assert_eq!(
            stack.exited("a.1"),
            Exit::Code(0),
            "{trees:?} {:?}",
            stack.lines("a.1")
        );
        assert!(!std::path::Path::new(&own).exists());
    }
}

#[test]
fn what_is_read_only_cannot_be_written() {
    for trees in users() {
        let mut stack = Stack::with(trees);
        let folder = path(&stack, "kept");
        let inner = folder.join("inner");
        fs::create_dir_all(&inner).unwrap();
        for path in [&folder, &inner] {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
            fs::set_permissions(path, mode).unwrap();
        }
        let sandbox = Sandbox {
            read_only_paths: vec![folder.clone()],
            ..Sandbox::default()
        };
        let script = format!(
            "touch {inner}/a 2>/dev/null && exit 1; ls {inner} && touch {}/b && echo done",
            stack.dir()
        );
        if let Err(failure) = stack.run(boxed(&script, sandbox)) {
            assert_eq!(failure.stage, "namespaces", "{trees:?}: {failure}");
            gantry_test::skip("read-only paths of an ordinary user", &failure.message);
            continue;
        }
        let exit = stack.exited("a.1");
        assert_eq!(exit, Exit::Code(0), "{trees:?} {:?}", stack.lines("a.1"));
        fs::write(inner.join("outside"), "can").unwrap();
    }
}

#[test]
fn a_read_only_path_that_does_not_exist_is_named() {
    let mut stack = Stack::new();
    let sandbox = Sandbox {
        read_only_paths: vec!["/does/not/exist".into()],
        ..Sandbox::default()
    };
    let failure = stack.run(boxed("exec sleep 1000", sandbox)).unwrap_err();
    if failure.stage == "namespaces" {
        gantry_test::skip("read-only paths", &failure.message);
        return;
    }
    assert_eq!(failure.stage, "read-only paths");
    assert!(failure.message.contains("/does/not/exist"), "{failure}");
}

#[test]
fn user_group_and_groups_are_those_that_were_named() {
    if !is_root() {
        gantry_test::skip("other users", "root");
        return;
    }
    let mut stack = Stack::new();
    let pid = stack
        .run(Command {
            user: Some("65534".into()),
            group: Some("1234".into()),
            groups: Some(vec!["4321".into(), "1234".into()]),
            ..command(&["sleep", "1000"])
        })
        .unwrap();
    assert_eq!(status(pid, "Uid"), "65534\t65534\t65534\t65534");
    assert_eq!(status(pid, "Gid"), "1234\t1234\t1234\t1234");
    assert_eq!(status(pid, "Groups"), "1234 4321");
    assert_eq!(capabilities(pid, "CapPrm"), 0);
}

#[test]
fn an_ordinary_user_cannot_become_another() {
    for trees in users()
        .into_iter()
        .filter(|trees| *trees == Trees::Ordinary)
    {
        let mut stack = Stack::with(trees);
        let failure = stack
            .run(Command {
                user: Some("0".into()),
                ..command(&["sleep", "1000"])
            })
            .unwrap_err();
        assert_eq!(failure.stage, "group");
    }
}
