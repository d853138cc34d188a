//! How fast bytes go through a forward, beside `kubectl port-forward` to the same pod: whole processes, taking turns.
//! The promise is four fifths of kubectl's speed. It needs the cluster of `examples/kubernetes`, as its tests do.

#![expect(clippy::print_stdout, reason = "a bench says what it measured")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gantry_test::{Run, Sandbox, free_port};

const ROUNDS: usize = 7;

/// How many bytes go one way in a round.
const BYTES: usize = 128 * 1024 * 1024;

/// How many connections are made, one after another, in a round. Each is one to the cluster, where kubectl has one for all.
const CONNECTIONS: u32 = 30;

/// What gantry may have of kubectl's time.
const PROMISE: f64 = 1.25;

/// Sends without end, takes as much as is sent in a round, and sends back what it gets.
const SCRIPT: &str = "trap 'exit 0' TERM; nc -ll -p 8000 -e cat /dev/zero & nc -ll -p 8001 -e sh -c \
                      'head -c BYTES > /dev/null; echo .' & nc -ll -p 8002 -e cat & while :; do sleep 0.1; done";

const REMOTE: [u16; 3] = [8000, 8001, 8002];

fn main() {
    let Some([kubeconfig, programs]) = gantry_test::cluster() else {
        println!("skipped: needs the cluster of examples/kubernetes and its programs");
        return;
    };
    let namespace = format!("bench-{}", std::process::id());
    let kubectl = |words: &[&str]| {
        let mut command = Command::new(format!("{programs}/bin/kubectl"));
        command
            .args(["--kubeconfig", &kubeconfig, "--namespace", &namespace])
            .args(words)
            .stdin(Stdio::null());
        command
    };
    let ours = REMOTE.map(|_| free_port());
    let theirs = REMOTE.map(|_| free_port());
    let sandbox = Sandbox::new();
    write(&sandbox, &kubeconfig, &namespace, ours);
    sandbox.gantry(["up", "-d"]).expect(0);
    let pairs = theirs.iter().zip(REMOTE);
    let pairs: Vec<String> = pairs
        .map(|(here, there)| format!("{here}:{there}"))
        .collect();
    let words = ["port-forward", "deployment/bench"].into_iter();
    let words: Vec<&str> = words.chain(pairs.iter().map(String::as_str)).collect();
    let peer = Peer::begin(kubectl(&words));

    compare(
        "128 MiB from a pod",
        Some(PROMISE),
        || download(ours[0]),
        || download(theirs[0]),
    );
    compare(
        "128 MiB into a pod",
        Some(PROMISE),
        || upload(ours[1]),
        || upload(theirs[1]),
    );
    compare(
        "30 connections",
        None,
        || connect(ours[2]),
        || connect(theirs[2]),
    );

    drop(peer);
    sandbox.gantry(["down"]).expect(0);
    let gone = gantry_test::output(&mut kubectl(&[
        "delete",
        "namespace",
        &namespace,
        "--wait=false",
    ]));
    drop(Run::from(gone));
}

/// One pod, and a forward to each of its ports.
fn write(sandbox: &Sandbox, kubeconfig: &str, namespace: &str, ports: [u16; 3]) {
    let script = SCRIPT.replace("BYTES", &BYTES.to_string());
    sandbox.write(
        "manifests/all.yaml",
        &format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: bench }}\nspec:\n  selector: {{ matchLabels: {{ app: bench }} }}\n  \
             template:\n    metadata: {{ labels: {{ app: bench }} }}\n    spec:\n      terminationGracePeriodSeconds: 1\n      \
             containers: [{{ name: one, image: 'busybox:1.36', command: [sh, -c, \"{script}\"] }}]\n"
        ),
    );
    let forwards = ports.iter().zip(REMOTE);
    let forwards: Vec<String> = forwards
        .map(|(here, there)| {
            format!("{{ service = \"deployment/bench\", local = {here}, remote = {there} }}")
        })
        .collect();
    sandbox.write(
        "gantry.toml",
        &format!(
            "name = \"bench\"\n[services.bench]\nforward = [{}]\n[services.bench.kubernetes]\nmanifests = \"manifests\"\n\
             namespace = \"{namespace}\"\ncreate-namespace = true\nkubeconfig = \"{kubeconfig}\"\n",
            forwards.join(", ")
        ),
    );
}

/// The other program, as long as it is needed.
struct Peer(Child);

impl Peer {
    fn begin(mut command: Command) -> Self {
        // It complains of each client that does not read to the end.
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("kubectl runs");
        let output = child.stdout.take().expect("its output");
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let last = format!(" -> {}", REMOTE[2]);
        assert!(lines.any(|line| line.ends_with(&last)), "it listens");
        // What else it says is read, so that it does not wait for that.
        std::thread::spawn(move || lines.count());
        Self(child)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn stream(port: u16) -> TcpStream {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("a connection")
}

fn download(port: u16) {
    let mut stream = stream(port);
    let mut block = vec![0; 256 * 1024];
    let mut got = 0;
    while got < BYTES {
        let length = stream.read(&mut block).expect("bytes");
        assert_ne!(length, 0, "it ended after {got} bytes");
        got += length;
    }
}

fn upload(port: u16) {
    let mut stream = stream(port);
    let block = vec![0; 256 * 1024];
    for _ in 0..BYTES / block.len() {
        stream.write_all(&block).expect("it is taken");
    }
    stream.read_exact(&mut [0]).expect("all has arrived");
}

fn connect(port: u16) {
    for _ in 0..CONNECTIONS {
        let mut stream = stream(port);
        stream.write_all(b"x").expect("it is taken");
        stream.read_exact(&mut [0]).expect("it is sent back");
    }
}

/// Both, in turns; the medians are compared.
fn compare(what: &str, promise: Option<f64>, ours: impl Fn(), theirs: impl Fn()) {
    let mut times: [Vec<Duration>; 2] = Default::default();
    for _ in 0..ROUNDS {
        times[0].push(time(&ours));
        times[1].push(time(&theirs));
    }
    let [ours, theirs] = times.map(|mut times| {
        times.sort_unstable();
        times[ROUNDS / 2].as_secs_f64()
    });
    let ratio = ours / theirs;
    let word = match promise {
        None => String::new(),
        Some(promise) if ratio <= promise => format!(", promise of {promise} kept"),
        Some(promise) => format!(", promise of {promise} BROKEN"),
    };
    println!("{what}: gantry {ours:.3} s, kubectl {theirs:.3} s, {ratio:.2} of its time{word}");
}

fn time(what: impl Fn()) -> Duration {
    let begin = Instant::now();
    what();
    begin.elapsed()
}
