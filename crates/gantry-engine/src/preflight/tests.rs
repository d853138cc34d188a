use super::*;

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use crate::sessions::Host;

/// A stack that is not looked at.
fn nobody() -> StackIdentity {
    StackIdentity {
        name: "nobody".into(),
        id: "nobody".into(),
        state_dir: "/".into(),
        base_dir: "/".into(),
    }
}

use camino::Utf8PathBuf;

fn ask(subject: Subject) -> Result<(), (&'static str, Missing)> {
    let question = Question {
        services: vec![ServiceName::new("api").expect("a name")],
        subject,
        place: None,
        advisory: false,
    };
    let around = Surroundings {
        path: "/usr/bin:/bin".to_owned(),
        drivers: Vec::new(),
        stack: nobody(),
        host: Arc::new(Host::default()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.build().expect("a runtime");
    let mut findings = runtime.block_on(Registry::standard().run(&[question], &around));
    assert!(findings.len() <= 1, "{findings:?}");
    match findings.pop() {
        Some(finding) => Err((finding.check, finding.missing)),
        None => Ok(()),
    }
}

fn reason(subject: Subject) -> (&'static str, String) {
    let (check, missing) = ask(subject).expect_err("it is missing");
    (check, missing.reason)
}

fn program(name: &str, folder: &str) -> Subject {
    Subject::Need(Need::Program {
        name: name.to_owned(),
        path: None,
        folder: folder.into(),
    })
}

fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = Utf8PathBuf::from_path_buf(dir.path().to_owned()).expect("UTF-8");
    (dir, path)
}

#[test]
fn a_program_is_found_by_name_and_by_path() {
    ask(program("sh", "/")).expect("every machine has one");
    ask(program("/bin/sh", "/")).expect("every machine has one");
    ask(program("./sh", "/bin")).expect("from the working folder");
}

#[test]
fn a_missing_program_tells_where_it_was_looked_for() {
    let (check, missing) = ask(program("no-such-program", "/")).expect_err("missing");
    assert_eq!(check, "program");
    assert_eq!(
        missing.reason,
        "program `no-such-program` was not found in PATH (/usr/bin:/bin)"
    );
    assert_eq!(
        missing.hint.as_deref(),
        Some("install it, or write its path")
    );
}

#[test]
fn a_program_that_may_not_be_run_is_told_from_one_that_is_not_there() {
    let (_dir, path) = folder();
    let file = path.join("server");
    std::fs::write(&file, "#!/bin/sh\n").expect("written");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("set");
    let (_, missing) = ask(program("./server", path.as_str())).expect_err("not executable");
    assert_eq!(
        missing.reason,
        format!("program `./server` cannot be run: {path}/./server is not executable")
    );
    assert_eq!(
        missing.hint,
        Some(format!("make it executable: chmod +x {path}/./server"))
    );
    let (_, missing) = ask(program("server", path.as_str())).expect_err("not in PATH");
    assert_eq!(
        missing.hint.as_deref(),
        Some("there is one in the working folder: write `./server`")
    );
    let (_, text) = reason(program("./bin", "/usr"));
    assert_eq!(
        text,
        "program `./bin` cannot be run: /usr/./bin is a folder"
    );
}

#[test]
fn a_port_names_who_holds_it() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let number = listener.local_addr().expect("its address").port();
    let name = "http".to_owned();
    let (check, text) = reason(Subject::Port { name, number });
    assert_eq!(check, "port");
    let pid = std::process::id();
    assert!(
        text.starts_with(&format!("port {number} (`http`) is held by ")),
        "{text}"
    );
    assert!(text.ends_with(&format!("(pid {pid})")), "{text}");
    let (check, text) = reason(Subject::ConflictingPort(number));
    assert_eq!(check, "conflict");
    assert!(text.contains(&format!("(pid {pid})")), "{text}");
    drop(listener);
    // A program that another test is starting holds a copy until it runs.
    let is_free = || ask(Subject::ConflictingPort(number)).is_ok();
    let free = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        is_free()
    });
    assert!(free, "free again");
}

#[test]
fn a_process_that_may_not_run_is_named() {
    let (_dir, path) = folder();
    let program = path.join("a-name-that-is-longer-than-fifteen-bytes");
    std::fs::copy("/bin/sleep", &program).expect("copied");
    #[expect(
        clippy::disallowed_methods,
        reason = "the stranger that the check looks for"
    )]
    let mut child = Command::new(&program)
        .arg("60")
        .stdin(Stdio::null())
        .spawn()
        .expect("started");
    let name = program.file_name().expect("a name").to_owned();
    // The kernel lets us go on a moment before it has noted what the new program was called by.
    let answer = (0..500)
        .map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(1));
            ask(Subject::ConflictingProcess(name.clone()))
        })
        .find(Result::is_err)
        .unwrap_or(Ok(()));
    child.kill().expect("ended");
    child.wait().expect("waited for");
    let (check, missing) = answer.expect_err("it runs");
    assert_eq!(check, "conflict");
    assert_eq!(
        missing.reason,
        format!(
            "conflicts with the process {name}, which runs (pid {})",
            child.id()
        )
    );
    ask(Subject::ConflictingProcess(name)).expect("it has ended");
}

#[test]
fn files_and_folders_are_told_apart() {
    let (_dir, path) = folder();
    let need = |need| Subject::Need(need);
    ask(need(Need::Folder { path: path.clone() })).expect("it is there");
    let (check, text) = reason(need(Need::File { path: path.clone() }));
    assert_eq!(check, "path");
    assert_eq!(text, format!("{path} is a folder; a file is needed"));
    let deep = path.join("a/b/c");
    let (_, missing) = ask(need(Need::Folder { path: deep.clone() })).expect_err("missing");
    assert_eq!(missing.reason, format!("folder {deep} does not exist"));
    assert_eq!(missing.hint, Some(format!("what exists of it is {path}")));
}

#[test]
fn an_unknown_account_is_named() {
    let name = "no-such-account".to_owned();
    let (check, text) = reason(Subject::Need(Need::User { name: name.clone() }));
    assert_eq!(
        (check, text.as_str()),
        (
            "account",
            "there is no user `no-such-account` on this machine"
        )
    );
    let (_, text) = reason(Subject::Need(Need::Group { name }));
    assert_eq!(text, "there is no group `no-such-account` on this machine");
    let me = nix::unistd::Uid::effective().to_string();
    ask(Subject::Need(Need::User { name: me })).expect("this is us");
}

#[test]
fn what_runs_beside_a_service_is_named() {
    let question = Question {
        services: Vec::new(),
        subject: program("no-such-program", "/"),
        place: Some("hooks.post-stop".into()),
        advisory: false,
    };
    let around = Surroundings {
        path: "/bin".to_owned(),
        drivers: Vec::new(),
        stack: nobody(),
        host: Arc::new(Host::default()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.build().expect("a runtime");
    let findings = runtime.block_on(Registry::standard().run(&[question], &around));
    assert_eq!(
        findings[0].missing.reason,
        "`hooks.post-stop`: program `no-such-program` was not found in PATH (/bin)"
    );
}
