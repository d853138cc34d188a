//! Sockets that gantry opens for a service, and passes to whichever instance runs.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use gantry_test::{Sandbox, User, skip, wait_until};

use crate::support::{PATIENCE, pids, service, wait_until_ready};

/// The service whose every step can be seen, in the sandbox, where every user reaches it.
fn server(sandbox: &Sandbox) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_gantry-test-service"));
    let copy = sandbox.path("bin/server");
    std::fs::copy(program, &copy).expect("a copy of the test's service");
    copy.to_string_lossy().into_owned()
}

/// An address that was free a moment ago.
fn address() -> SocketAddr {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    free.local_addr().expect("its address")
}

/// Connect again and again. Answers who answered, and what it was refused with.
fn ask_until(address: SocketAddr, end: &AtomicBool) -> (BTreeSet<String>, Vec<String>) {
    let (mut answers, mut refusals) = (BTreeSet::new(), Vec::new());
    while !end.load(Ordering::Relaxed) {
        match TcpStream::connect(address) {
            Ok(mut client) => {
                client.set_read_timeout(Some(PATIENCE)).expect("a limit");
                let mut answer = String::new();
                // Whoever is stopped in the middle of an answer does not end it.
                if client.read_to_string(&mut answer).is_ok() && !answer.is_empty() {
                    answers.insert(answer);
                }
            }
            Err(error) => refusals.push(error.to_string()),
        }
    }
    (answers, refusals)
}

fn round(user: User) {
    let sandbox = Sandbox::of(user);
    let server = server(&sandbox);
    let address = address();
    let port = address.port();
    sandbox.write(
        "gantry.toml",
        &format!(
            r#"
name = "sockets"
[services.web]
replicas = 2
ports.http = {port}
[services.web.process]
command = ["{server}", "serve"]
sockets = {{ http = "http", local = "./web.sock" }}
"#
        ),
    );
    sandbox.gantry(["up", "-d"]).expect(0);
    let mut all: BTreeSet<String> = BTreeSet::new();
    let end = AtomicBool::new(false);
    let (answers, refusals) = thread::scope(|scope| {
        let client = scope.spawn(|| ask_until(address, &end));
        for _ in 0..3 {
            let status = wait_until_ready(&sandbox);
            all.extend(pids(&status).into_iter().map(|(_, pid)| pid.to_string()));
            sandbox.gantry(["restart", "web"]).expect(0);
        }
        // Nor while those who keep it are away.
        let supervisor = sandbox.status()["supervisor"]["pid"].clone();
        let ours = sandbox.processes();
        let mut ours = ours.iter();
        let supervisor = ours
            .find(|process| supervisor == process.pid)
            .expect("a supervisor");
        let guard = supervisor.parent;
        supervisor.kill();
        for process in sandbox.processes() {
            if process.parent == guard && process.pid != supervisor.pid {
                process.kill();
            }
        }
        wait_until(
            PATIENCE,
            "another supervisor",
            || sandbox.status()["supervisor"]["pid"].as_i64(),
            |pid| pid.is_some_and(|pid| pid != i64::from(supervisor.pid)),
        );
        let status = wait_until_ready(&sandbox);
        sandbox.gantry(["restart", "web"]).expect(0);
        all.extend(pids(&status).into_iter().map(|(_, pid)| pid.to_string()));
        end.store(true, Ordering::Relaxed);
        client.join().expect("a client")
    });
    assert_eq!(refusals, [""; 0]);
    assert!(answers.len() > 3, "{answers:?} of {all:?}");
    assert!(sandbox.path("stack/web.sock").exists());
    // Stopped, it is refused at once, and does not wait for nobody.
    sandbox.gantry(["stop", "web"]).expect(0);
    let refused = || TcpStream::connect(address).err().map(|error| error.kind());
    wait_until(PATIENCE, "it is released", refused, |kind| {
        *kind == Some(ErrorKind::ConnectionRefused)
    });
    assert!(!sandbox.path("stack/web.sock").exists());
    sandbox.gantry(["start", "web"]).expect(0);
    TcpStream::connect(address).expect("it listens again");
    sandbox.gantry(["down"]).expect(0);
    assert!(TcpStream::connect(address).is_err());
    assert!(!sandbox.path("stack/web.sock").exists());
    sandbox.expect_nothing_left();
}

#[test]
fn nobody_is_refused_over_restarts_and_deaths() {
    round(User::Same);
}

#[test]
fn the_same_sockets_for_an_ordinary_user() {
    if rustix::process::geteuid().is_root() {
        round(User::Ordinary);
    } else {
        skip("the_same_sockets_for_an_ordinary_user", "root");
    }
}

#[test]
fn an_address_in_use_is_told_before_anything_starts() {
    let sandbox = Sandbox::new();
    let held = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = held.local_addr().expect("its address").port();
    let path = sandbox.path("stack/held.sock");
    let _held = UnixListener::bind(&path).expect("a socket");
    sandbox.write(
        "gantry.toml",
        &format!(
            "name = \"held\"\n[services.web.process]\ncommand = [\"sleep\", \"1000\"]\n\
             sockets = {{ web = \"localhost:{port}\", local = \"./held.sock\" }}\n"
        ),
    );
    let run = sandbox.gantry(["up", "-d"]);
    let said = &run.expect(3).stderr;
    let ours = format!("(pid {})", std::process::id());
    for address in [format!("127.0.0.1:{port}"), path.display().to_string()] {
        let wanted = format!("address {address} is held by ");
        let line = said.lines().find(|line| line.contains(&wanted));
        assert!(line.is_some_and(|line| line.contains(&ours)), "{said}");
    }
    drop(held);
    std::fs::remove_file(&path).expect("it goes");
    sandbox.gantry(["up", "-d"]).expect(0);
    let status = wait_until_ready(&sandbox);
    assert_eq!(service(&status, "web")["ready"], true);
    sandbox.gantry(["down"]).expect(0);
}
