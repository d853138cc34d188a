//! A pod goes while many use it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gantry_test::wait_until;

use super::{NAMED, PATIENCE, free_port, here, stack};
use crate::kubernetes::web;

/// How many connect at the same time, again and again.
const CLIENTS: usize = 16;

/// Within which a connection works once a pod is ready, on a machine that does much besides. Where it does nothing else,
/// none of them takes a second.
const WORKS: Duration = Duration::from_secs(5);

/// One connection: when it was begun, how long its answer took, and what it was.
#[derive(Debug)]
struct Call {
    begun: Instant,
    took: Duration,
    pod: Option<String>,
}

/// The name of the pod that answers; its end is not waited for.
fn call(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(here(port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(b"GET /name HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = Vec::new();
    let mut block = [0; 4096];
    loop {
        let length = stream.read(&mut block).ok().filter(|length| *length > 0)?;
        answer.extend(&block[..length]);
        let text = String::from_utf8_lossy(&answer);
        if let Some((head, name)) = text.split_once("\r\n\r\n")
            && name.ends_with('\n')
        {
            return head.contains("200 OK").then(|| name.trim().to_owned());
        }
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a test says what it measured")]
fn no_connection_after_a_pod_is_ready_fails() {
    let port = free_port();
    let forwards = format!("{{ service = \"web\", local = {port}, remote = 80 }}");
    let probe = "command: [sh, -c,";
    let manifests = web(NAMED).replace(
        probe,
        &format!(
            "readinessProbe: {{ tcpSocket: {{ port: 8000 }}, periodSeconds: 1 }}\n          {probe}"
        ),
    );
    let Some(stack) = stack("load::no_connection_after", &manifests, &forwards) else {
        return;
    };
    stack.gantry(&["up", "-d"]).expect(0);
    let first = call(port).expect("an answer");
    let over = AtomicBool::new(false);
    let client = || {
        let mut calls = Vec::new();
        while !over.load(Ordering::Relaxed) {
            let begun = Instant::now();
            let pod = call(port);
            let took = begun.elapsed();
            calls.push(Call { begun, took, pod });
        }
        calls
    };
    let (ready, calls) = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        std::thread::sleep(Duration::from_secs(2));
        stack
            .kubectl(&["delete", "pod", &first, "--wait=false"])
            .expect(0);
        let others = "{range .items[*]}{.metadata.name} {.status.conditions[?(@.type=='Ready')].status}\n{end}";
        let output = format!("jsonpath={others}");
        let pods = || stack.kubectl(&["get", "pods", "-o", &output]).stdout;
        wait_until(PATIENCE, "another pod is ready", pods, |pods| {
            let mut lines = pods.lines();
            lines.any(|line| !line.starts_with(&first) && line.ends_with(" True"))
        });
        let ready = Instant::now();
        std::thread::sleep(Duration::from_secs(3));
        over.store(true, Ordering::Relaxed);
        let calls = clients.into_iter();
        let calls: Vec<Call> = calls
            .flat_map(|client| client.join().expect("no panic"))
            .collect();
        (ready, calls)
    });
    let (after, before): (Vec<&Call>, Vec<&Call>) =
        calls.iter().partition(|call| call.begun >= ready);
    let failed = |calls: &[&Call]| calls.iter().filter(|call| call.pod.is_none()).count();
    let longest = after.iter().map(|call| call.took).max();
    let waited = before.iter().map(|call| call.took).max();
    eprintln!(
        "{} before, {} of them failed, the longest took {waited:?}; {} after, {} failed, {longest:?}",
        before.len(),
        failed(&before),
        after.len(),
        failed(&after),
    );
    assert_eq!(failed(&after), 0, "{after:?}");
    assert!(longest.expect("some") < WORKS, "{longest:?}");
    let is_new = |call: &&Call| call.pod.as_deref() != Some(&first);
    assert!(after.iter().all(is_new), "an old pod has answered");
    // Those that came while there was none have waited for it.
    let waiting = |call: &&&Call| call.begun + call.took >= ready;
    let lost = before.iter().filter(waiting);
    assert_eq!(lost.filter(|call| call.pod.is_none()).count(), 0);
    stack.gantry(&["down"]).expect(0);
}
