//! Ways that are opened and closed again and again, and what a supervisor says of one in use.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use gantry_test::{processes_with, skip, variable, wait_until};
use serde_json::Value;

use super::broken::{ECHO, echoes};
use super::{PATIENCE, Stack, free_port, here};
use crate::kubernetes::web;
use crate::support::service;

/// A hundred, if somebody has the time: `GANTRY_TEST_ROUNDS=100`.
const ROUNDS: usize = 20;

/// After these, whatever is kept for the next one is there.
const WARM: usize = 3;

/// A stack of objects without pods, with a forward to pods that others made; and a second service, so that its
/// supervisor stays.
fn beside(name: &str, port: u16) -> Option<Stack> {
    let test = format!("kubernetes::forwards::rounds::{name}");
    if variable("GANTRY_TEST_KUBECONFIG").is_none() {
        skip(&test, "the cluster of examples/kubernetes");
        return None;
    }
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: none }\n";
    let stack = Stack::new(&test, map)?;
    let pods = stack.sandbox.write("pods/all.yaml", &web(ECHO));
    let make = ["create", "namespace", &stack.namespace];
    stack.kubectl(&make).expect(0);
    stack
        .kubectl(&["apply", "-f", &pods.to_string_lossy()])
        .expect(0);
    let ready = ["wait", "--for=condition=Available", "deployment/web"];
    stack
        .kubectl(&[&ready[..], &["--timeout=60s"]].concat())
        .expect(0);
    let file = std::fs::read_to_string(stack.sandbox.path("stack/gantry.toml")).expect("a file");
    let own = format!(
        "[services.other.process]\ncommand = [\"sleep\", \"1000\"]\n[services.web]\n\
         forward = [{{ service = \"web\", local = {port}, remote = 80 }}]\n"
    );
    let file = file.replace(
        "[services.web.kubernetes]",
        &format!("{own}[services.web.kubernetes]"),
    );
    stack.sandbox.write("gantry.toml", &file);
    Some(stack)
}

/// What a process holds.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    descriptors: usize,
    sockets: usize,
    threads: usize,
    processes: usize,
}

impl Held {
    fn by(supervisor: u64, stack: &Stack) -> Self {
        let folder = format!("/proc/{supervisor}");
        let open = std::fs::read_dir(format!("{folder}/fd")).expect("it lives");
        let open: Vec<_> = open
            .filter_map(|one| std::fs::read_link(one.ok()?.path()).ok())
            .collect();
        let is_socket = |path: &&std::path::PathBuf| path.to_string_lossy().starts_with("socket:");
        let threads = std::fs::read_dir(format!("{folder}/task")).expect("it lives");
        let home = stack.sandbox.home();
        Self {
            descriptors: open.len(),
            sockets: open.iter().filter(is_socket).count(),
            threads: threads.count(),
            processes: processes_with("GANTRY_HOME", &home.to_string_lossy()).len(),
        }
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a test says what it measured")]
fn nothing_is_left_of_ways_that_were_closed() {
    let port = free_port();
    let Some(stack) = beside("nothing_is_left", port) else {
        return;
    };
    let rounds = variable("GANTRY_TEST_ROUNDS").and_then(|rounds| rounds.parse().ok());
    let rounds = rounds.unwrap_or(ROUNDS);
    stack.gantry(&["up", "-d"]).expect(0);
    let status = stack.sandbox.status();
    let supervisor = status["supervisor"]["pid"].as_u64().expect("a pid");
    let round = || {
        let held = TcpStream::connect(here(port)).expect("a connection");
        held.set_read_timeout(Some(PATIENCE)).expect("a limit");
        assert!(echoes(&held).expect("an answer"));
        stack.gantry(&["stop", "web"]).expect(0);
        let end = (&held).read(&mut [0]);
        assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
        assert!(TcpStream::connect(here(port)).is_err(), "it is closed");
        // What is left when it is down: nothing of it may be there.
        let held = Held::by(supervisor, &stack);
        stack.gantry(&["start", "web"]).expect(0);
        held
    };
    for _ in 0..WARM {
        round();
    }
    let begin = Instant::now();
    let all: Vec<Held> = (0..rounds).map(|_| round()).collect();
    let took = begin.elapsed();
    let (first, last) = (&all[0], &all[rounds - 1]);
    eprintln!("{rounds} rounds in {took:.1?}: first {first:?}, last {last:?}");
    let fewest = |what: fn(&Held) -> usize, of: &[Held]| of.iter().map(what).min();
    // A watch that is just being renewed has two: the least of some counts.
    let (early, late) = (&all[..rounds / 4], &all[rounds - rounds / 4..]);
    let counts: [fn(&Held) -> usize; 4] = [
        |held| held.descriptors,
        |held| held.sockets,
        |held| held.threads,
        |held| held.processes,
    ];
    for count in counts {
        assert!(
            fewest(count, late) <= fewest(count, early),
            "{early:?} {late:?}"
        );
    }
    stack.gantry(&["down"]).expect(0);
    stack.sandbox.expect_nothing_left();
}

fn events(stack: &Stack) -> usize {
    let events = stack.gantry(&["events", "-o", "json"]);
    events.expect(0).stdout.lines().count()
}

#[test]
fn bytes_are_told_as_they_flow_and_are_no_events() {
    let port = free_port();
    let Some(stack) = beside("bytes_are_told", port) else {
        return;
    };
    stack.gantry(&["up", "-d"]).expect(0);
    let mut stream = TcpStream::connect(here(port)).expect("a connection");
    assert!(echoes(&stream).expect("an answer"));
    let before = events(&stack);
    let told = |status: &Value| service(status, "web")["children"].to_string();
    for round in 1..=3 {
        let block = vec![0; 100_000];
        stream.write_all(&block).expect("it is taken");
        stream
            .read_exact(&mut vec![0; 100_000])
            .expect("it is sent back");
        let words = format!("1 connections, 1 open, {0} kB in, {0} kB out", round * 100);
        wait_until(
            Duration::from_secs(2),
            "it is told",
            || told(&stack.sandbox.status()),
            |told| told.contains(&words),
        );
    }
    assert_eq!(events(&stack), before, "counts are no events");
    stack.gantry(&["down"]).expect(0);
}
