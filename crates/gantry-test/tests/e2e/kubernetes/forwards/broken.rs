//! Whatever breaks between gantry and a pod is told, and cuts off who would wait for ever, within five seconds.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use gantry_test::{Fault, FaultyPort, skip, variable, wait_until};

use super::{PATIENCE, Stack, free_port, here, stack_at};
use crate::kubernetes::web;
use crate::support::{kill_supervisor, services};

/// Within which a fault is found.
const FOUND: Duration = Duration::from_secs(5);

/// Within which a connection works once there is no fault any more.
const WORKS: Duration = Duration::from_secs(1);

/// Sends back what it is sent, to many at once.
pub(super) const ECHO: &str =
    "trap 'exit 0' TERM; nc -ll -p 8000 -e cat & while :; do sleep 0.1; done";

/// A port in front of the cluster's API, and a stack whose configuration names it.
fn faulty(name: &str, manifests: &str, forwards: &str) -> Option<(FaultyPort, Stack)> {
    let test = format!("kubernetes::forwards::broken::{name}");
    let Some(kubeconfig) = variable("GANTRY_TEST_KUBECONFIG") else {
        skip(&test, "the cluster of examples/kubernetes");
        return None;
    };
    let config = std::fs::read_to_string(&kubeconfig).expect("a configuration");
    let (_, server) = config.split_once("server: https://").expect("a server");
    let server = server.lines().next().expect("a line").trim();
    let port = FaultyPort::new(server.parse().expect("an address"));
    let config = config.replace(server, &port.address().to_string());
    let mut stack = stack_at(&test, manifests, forwards, "kubeconfig")?;
    stack.sandbox.write("kubeconfig", &config);
    // What the test asks the cluster goes straight there.
    stack.kubeconfig = kubeconfig;
    Some((port, stack))
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    let limit = Some(Duration::from_secs(15));
    stream.set_read_timeout(limit).expect("a limit");
    stream
}

/// Whether a byte goes to the pod and back.
pub(super) fn echoes(mut stream: &TcpStream) -> io::Result<bool> {
    stream.write_all(b"x")?;
    let mut answer = [0];
    Ok(stream.read(&mut answer)? == 1 && answer == *b"x")
}

/// What the forward's part says, and whether it is ready.
fn part(stack: &Stack, port: u16) -> (bool, String) {
    let status = stack.sandbox.status();
    let name = format!("forward/{port}");
    let services = services(&status).iter();
    let mut children = services
        .filter_map(|web| web["children"].as_array())
        .flatten();
    let Some(found) = children.find(|part| part["name"] == *name) else {
        return (false, String::new());
    };
    let message = found["message"].as_str().unwrap_or_default().to_owned();
    (found["ready"] == true, message)
}

fn is_ready(stack: &Stack, port: u16) {
    let state = || part(stack, port);
    wait_until(PATIENCE, "the way is open", state, |(ready, _)| *ready);
}

/// When it was told, if it was within twice the time.
fn told(stack: &Stack, port: u16, is_told: impl Fn(&(bool, String)) -> bool) -> Option<Duration> {
    let begin = Instant::now();
    while begin.elapsed() < FOUND * 2 {
        if is_told(&part(stack, port)) {
            return Some(begin.elapsed());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    None
}

/// What becomes of open connections, new ones, and of what `status` says.
struct Case {
    fault: Fault,
    /// Whether connections that were open are closed.
    closes: bool,
    /// Whether new ones work meanwhile.
    takes: bool,
}

#[test]
#[expect(clippy::print_stderr, reason = "a test says what it measured")]
fn whatever_breaks_on_the_way_is_found() {
    let port = free_port();
    let forwards = format!("{{ service = \"web\", local = {port}, remote = 80 }}");
    let Some((faulty, stack)) = faulty("whatever_breaks", &web(ECHO), &forwards) else {
        return;
    };
    stack.gantry(&["up", "-d"]).expect(0);
    let cases = [
        (Fault::Reset, true, false),
        (Fault::Swallow, true, false),
        (Fault::SwallowOpen, true, true),
        (Fault::SwallowThere, true, false),
        (Fault::HalfOpen, true, true),
        (Fault::EndBack, true, true),
        (Fault::Mute, false, false),
    ];
    for (fault, closes, takes) in cases {
        let case = Case {
            fault,
            closes,
            takes,
        };
        let (closed, found, works) = case.run(&faulty, &stack, port);
        eprintln!(
            "{fault:?}: closed after {closed:?}, told after {found:?}, works after {works:?}"
        );
    }
    stack.gantry(&["down"]).expect(0);
}

impl Case {
    /// When an open connection was closed, when the fault was told, and how long a connection took after it was over.
    fn run(&self, faulty: &FaultyPort, stack: &Stack, port: u16) -> (Duration, Duration, Duration) {
        let fault = self.fault;
        is_ready(stack, port);
        let held = connect(here(port));
        assert!(echoes(&held).expect("an answer"), "{fault:?}");
        let is_open = |(_, message): &(bool, String)| message.contains(", 1 open");
        wait_until(PATIENCE, "it is told", || part(stack, port), is_open);
        // It is quiet for a while.
        std::thread::sleep(Duration::from_millis(1_500));
        faulty.set(fault);
        let begin = Instant::now();
        let other = held.try_clone().expect("the same");
        let reader = std::thread::spawn(move || {
            let read = (&other).read(&mut [0]);
            // Its client is told, whichever way.
            let is_closed = match &read {
                Ok(length) => *length == 0,
                Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
            };
            (is_closed, begin.elapsed())
        });
        let is_told = |(ready, message): &(bool, String)| {
            if self.takes {
                message.contains("was closed") && message.contains(", 0 open")
            } else {
                !ready
            }
        };
        let found = told(stack, port, is_told);
        let found =
            found.unwrap_or_else(|| panic!("{fault:?} is never told: {:?}", part(stack, port)));
        assert!(found < FOUND, "{fault:?} is told after {found:?}");
        if self.takes {
            let fresh = connect(here(port));
            assert!(echoes(&fresh).expect("an answer"), "{fault:?}");
        }
        if !self.closes {
            assert!(!reader.is_finished(), "{fault:?} has nothing to do with it");
            // Who reads from it gets this back.
            (&held).write_all(b"x").expect("it is taken");
        }
        let (is_closed, closed) = reader.join().expect("no panic");
        assert_eq!(is_closed, self.closes, "{fault:?}");
        assert!(!self.closes || closed < FOUND, "{fault:?}: {closed:?}");
        faulty.set(Fault::None);
        let begin = Instant::now();
        let fresh = connect(here(port));
        assert!(echoes(&fresh).expect("an answer"), "{fault:?}");
        let works = begin.elapsed();
        assert!(works < WORKS, "{fault:?}: {works:?}");
        (closed, found, works)
    }
}

/// Nobody uses it: that nothing would come through is told all the same.
#[test]
fn a_way_that_nobody_uses_is_looked_at_too() {
    let port = free_port();
    let forwards = format!("{{ service = \"web\", local = {port}, remote = 80 }}");
    let Some((faulty, stack)) = faulty("a_way_that_nobody_uses", &web(ECHO), &forwards) else {
        return;
    };
    stack.gantry(&["up", "-d"]).expect(0);
    for fault in [Fault::Swallow, Fault::Mute, Fault::Reset] {
        is_ready(&stack, port);
        faulty.set(fault);
        let found = told(&stack, port, |(ready, _)| !ready).expect("it is told");
        assert!(found < FOUND, "{fault:?} is told after {found:?}");
        // One that begins now waits for the end of the fault.
        let waits = connect(here(port));
        std::thread::sleep(WORKS);
        faulty.set(Fault::None);
        let begin = Instant::now();
        assert!(echoes(&waits).expect("an answer"), "{fault:?}");
        assert!(
            begin.elapsed() < 3 * WORKS,
            "{fault:?}: {:?}",
            begin.elapsed()
        );
    }
    stack.gantry(&["down"]).expect(0);
}

/// What the cluster is watched by is dead, and nobody was told: that the pod is another one is found when it is needed.
#[test]
fn a_pod_that_was_replaced_unseen_is_found() {
    let port = free_port();
    let forwards = format!("{{ service = \"web\", local = {port}, remote = 80 }}");
    let Some((faulty, stack)) = faulty("a_pod_that_was_replaced", &web(ECHO), &forwards) else {
        return;
    };
    stack.gantry(&["up", "-d"]).expect(0);
    faulty.set(Fault::SwallowOpen);
    let delete = ["delete", "pod", "--all", "--grace-period=0", "--force"];
    stack.kubectl(&delete).expect(0);
    let ready = ["wait", "--for=condition=Available", "deployment/web"];
    stack.kubectl(&ready).expect(0);
    let fresh = connect(here(port));
    let begin = Instant::now();
    assert!(echoes(&fresh).expect("an answer"));
    assert!(begin.elapsed() < FOUND, "{:?}", begin.elapsed());
    // A stop would be asked of the cluster on a connection that is dead, and has no limit yet: the next supervisor has new
    // ones.
    kill_supervisor(&stack.sandbox);
    is_ready(&stack, port);
    stack.gantry(&["down"]).expect(0);
}

#[test]
fn an_end_that_comes_late_holds_nobody_up() {
    let port = free_port();
    let forwards = format!("{{ service = \"web\", local = {port}, remote = 80 }}");
    let Some((faulty, stack)) = faulty("an_end_that_comes_late", &web(ECHO), &forwards) else {
        return;
    };
    stack.gantry(&["up", "-d"]).expect(0);
    let held = connect(here(port));
    assert!(echoes(&held).expect("an answer"));
    faulty.set(Fault::SlowClose);
    held.shutdown(Shutdown::Write).expect("an end");
    let begin = Instant::now();
    assert_eq!((&held).read(&mut [0]).expect("an end"), 0);
    assert!(begin.elapsed() < 2 * WORKS, "{:?}", begin.elapsed());
    let fresh = connect(here(port));
    assert!(echoes(&fresh).expect("an answer"));
    let open = || part(&stack, port).1;
    wait_until(FOUND, "it is over", open, |open| open.contains(", 1 open"));
    stack.gantry(&["down"]).expect(0);
}

/// What a program in a pod does with its connections is its own affair, and looks here as it does there.
#[test]
fn programs_that_answer_badly_do_so_here_too() {
    let script = "trap 'exit 0' TERM; nc -ll -p 8000 -e sleep 1000 & nc -ll -p 8001 -e true & nc -ll -p 8002 -e sleep 0.5 & \
                  while :; do sleep 0.1; done";
    let ports = [free_port(), free_port(), free_port()];
    let forwards: Vec<String> = ports
        .iter()
        .zip(8000..)
        .map(|(port, remote)| {
            format!("{{ service = \"deployment/web\", local = {port}, remote = {remote} }}")
        })
        .collect();
    let test = "kubernetes::forwards::broken::programs_that_answer_badly";
    let Some(kubeconfig) = variable("GANTRY_TEST_KUBECONFIG") else {
        return skip(test, "the cluster of examples/kubernetes");
    };
    let Some(stack) = stack_at(test, &web(script), &forwards.join(", "), &kubeconfig) else {
        return;
    };
    stack.gantry(&["up", "-d", "--no-wait"]).expect(0);
    let [quiet, closes, resets] = ports;
    is_ready(&stack, quiet);
    is_ready(&stack, resets);
    is_ready(&stack, closes);

    let begin = Instant::now();
    let mut all = Vec::new();
    let read = connect(here(closes)).read_to_end(&mut all);
    assert!(
        read.is_ok() && begin.elapsed() < FOUND,
        "{read:?} {begin:?}"
    );
    let found = told(&stack, closes, |(_, message)| {
        message.contains("closed a connection at once")
    });
    assert!(found.expect("it is told") < FOUND);

    // It ends with what it was sent unread: that is a reset. Who runs the pod tells of an end, and not which.
    let begin = Instant::now();
    let mut stream = connect(here(resets));
    stream.write_all(b"unread").expect("it is taken");
    let read = stream.read(&mut [0]);
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    assert!(begin.elapsed() < FOUND, "{:?}", begin.elapsed());

    // To say nothing is no fault.
    let stream = connect(here(quiet));
    stream
        .set_read_timeout(Some(FOUND + WORKS))
        .expect("a limit");
    let read = (&stream).read(&mut [0]).map_err(|error| error.kind());
    assert_eq!(read, Err(io::ErrorKind::WouldBlock));
    assert!(part(&stack, quiet).0, "{:?}", part(&stack, quiet));
    stack.gantry(&["down"]).expect(0);
    let limit = Some(WORKS);
    stream.set_read_timeout(limit).expect("a limit");
    assert_eq!((&stream).read(&mut [0]).expect("an end"), 0);
}
