//! gantry is replaced on disk while a stack is up, by a release whose supervisor and keeper speak
//! another protocol.
//!
//! The one binary under test is both releases: the old one is the file that the guard runs, the new one
//! a copy in its place. What makes them differ is said between them: whoever runs the copy says hello to
//! the keeper with another version, as the other release would.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;

use gantry_test::{Process, Sandbox, wait_until};

use crate::support::{PATIENCE, pids, restarts, sleepers};

fn stack_folder(sandbox: &Sandbox) -> PathBuf {
    let stacks = fs::read_dir(sandbox.home().join("stacks")).expect("stacks");
    stacks.flatten().next().expect("a stack").path()
}

fn inode(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|file| file.ino())
}

/// Let everyone who runs `program` speak this version with the keeper of the stack.
fn speak(folder: &Path, program: &Path, version: u32) {
    let (socket, real) = (folder.join("guard.sock"), folder.join("guard.real"));
    if !real.exists() {
        fs::rename(&socket, &real).expect("the keeper's socket moves");
    }
    let _ = fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket).expect("a socket in its place");
    let foreign = inode(program).expect("a program");
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let keeper = UnixStream::connect(&real);
            let peer = rustix::net::sockopt::socket_peercred(&client).expect("a peer");
            let program = inode(Path::new(&format!(
                "/proc/{}/exe",
                peer.pid.as_raw_nonzero()
            )));
            let version = (program == Some(foreign)).then_some(version);
            if let Ok(keeper) = keeper {
                thread::spawn(move || pass_on(client, keeper, version));
            }
        }
    });
}

/// Pass on what both say; the first that the client says is its hello.
fn pass_on(mut client: UnixStream, mut keeper: UnixStream, version: Option<u32>) {
    let mut length = [0; 4];
    if client.read_exact(&mut length).is_err() {
        return;
    }
    let mut hello = vec![0; u32::from_le_bytes(length) as usize];
    client.read_exact(&mut hello).expect("a hello");
    let mut hello = String::from_utf8(hello).expect("JSON");
    if let Some(version) = version {
        assert!(hello.contains("\"version\":1,"), "{hello}");
        hello = hello.replace("\"version\":1,", &format!("\"version\":{version},"));
    }
    let length = u32::try_from(hello.len()).expect("a short one");
    let frame = [&length.to_le_bytes(), hello.as_bytes()].concat();
    keeper.write_all(&frame).expect("the keeper listens");
    let copies = (client.try_clone(), keeper.try_clone());
    let (Ok(mut from), Ok(mut to)) = copies else {
        panic!("no descriptors left");
    };
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let _ = std::io::copy(&mut keeper, &mut client);
    let _ = client.shutdown(Shutdown::Both);
}

fn replace_supervisor(sandbox: &Sandbox) -> Process {
    let pid = || {
        let pid = sandbox.status()["supervisor"]["pid"].as_i64();
        i32::try_from(pid.expect("a supervisor")).expect("a pid")
    };
    let before = Process::find(pid()).expect("it runs");
    before.kill();
    let after = wait_until(PATIENCE, "another supervisor", pid, |pid| {
        *pid != before.pid
    });
    Process::find(after).expect("it runs")
}

fn is_current(process: &Process, program: &Path) -> bool {
    inode(Path::new(&format!("/proc/{}/exe", process.pid))) == inode(program)
}

fn replaced_by(version: u32) {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", &sleepers(3));
    sandbox.gantry(["up", "-d"]).expect(0);
    let before = pids(&sandbox.status());
    let program = sandbox.path("bin/gantry");
    let copy = sandbox.path("bin/gantry.new");
    fs::copy(&program, &copy).expect("the other release");
    fs::rename(&copy, &program).expect("it is installed");
    let folder = stack_folder(&sandbox);
    speak(&folder, &program, version);

    let supervisor = replace_supervisor(&sandbox);
    assert!(!is_current(&supervisor, &program), "{supervisor:?}");
    let status = sandbox.status();
    assert_eq!(pids(&status), before);
    assert_eq!(restarts(&status), 0);
    let log = fs::read_to_string(folder.join("supervisor.log")).expect("a log");
    let why = format!("the keeper speaks version 1 of the protocol, the client {version}");
    assert!(log.contains(&why), "{log}");
    assert!(
        log.contains("gantry down and gantry up change over"),
        "{log}"
    );
    // Everything goes on: a start, a stop, another supervisor.
    sandbox.gantry(["restart", "s01"]).expect(0);
    sandbox.gantry(["stop", "s02"]).expect(0);
    sandbox.write("gantry.toml", &sleepers(2));
    sandbox.gantry(["up", "-d"]).expect(0);
    let before = pids(&sandbox.status());
    assert_eq!(before.len(), 2);
    replace_supervisor(&sandbox);
    assert_eq!(pids(&sandbox.status()), before);
    sandbox.gantry(["down"]).expect(0);
    let _ = fs::remove_file(folder.join("guard.real"));
    sandbox.expect_nothing_left();

    sandbox.gantry(["up", "-d"]).expect(0);
    let pid = sandbox.status()["supervisor"]["pid"].as_i64();
    let pid = i32::try_from(pid.expect("a supervisor")).expect("a pid");
    assert!(is_current(&Process::find(pid).expect("it runs"), &program));
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}

#[test]
fn a_newer_release_that_speaks_otherwise_leaves_the_stack_to_the_older() {
    replaced_by(2);
}

#[test]
fn an_older_release_that_speaks_otherwise_leaves_the_stack_to_the_newer() {
    replaced_by(0);
}

#[test]
fn a_release_that_speaks_the_same_takes_over() {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", &sleepers(2));
    sandbox.gantry(["up", "-d"]).expect(0);
    let before = pids(&sandbox.status());
    let program = sandbox.path("bin/gantry");
    let copy = sandbox.path("bin/gantry.new");
    fs::copy(&program, &copy).expect("the other release");
    fs::rename(&copy, &program).expect("it is installed");
    assert!(is_current(&replace_supervisor(&sandbox), &program));
    // Removed, it is not missed until the stack is down.
    let aside = sandbox.path("bin/aside");
    let status = sandbox.status();
    fs::rename(&program, &aside).expect("it is removed");
    let pid = status["supervisor"]["pid"].as_i64().expect("a supervisor");
    Process::find(i32::try_from(pid).expect("a pid"))
        .expect("it runs")
        .kill();
    wait_until(
        PATIENCE,
        "a supervisor without its file",
        || sandbox.processes(),
        |all| {
            all.iter().any(|process| {
                process.command.contains("__supervisor") && i64::from(process.pid) != pid
            })
        },
    );
    fs::rename(&aside, &program).expect("it is back");
    assert_eq!(pids(&sandbox.status()), before);
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}
