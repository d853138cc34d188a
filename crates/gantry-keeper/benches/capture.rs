//! How fast a keeper brings a service's output into its log: lines of 100 bytes, by the time that
//! passed and by the time that the keeper's process was on a core. The promise is 300 MB/s on one.

#![expect(clippy::print_stdout, reason = "a bench says what it measured")]
#![expect(
    clippy::disallowed_methods,
    reason = "who measures the guard starts it, as the command line would"
)]

use std::process::{Command as Program, Stdio};
use std::time::{Duration, Instant};

use camino::Utf8Path;
use gantry_keeper::client::Client;
use gantry_keeper::protocol::{Command, EventBody, LogPolicy, Overflow, Request, Role};

const MEGABYTES: u64 = 500;
const ROUNDS: u32 = 5;

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = Utf8Path::from_path(folder.path()).expect("UTF-8");
    let mut guard = Program::new(env!("CARGO_BIN_EXE_keeper-fixture"))
        .args(["guard", dir.as_str()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a guard");
    let mut client = connect(dir);
    let line = "x".repeat(99);
    let script = format!("yes {line} | head -c {}", MEGABYTES * 1_000_000);
    let mut best = (f64::MAX, f64::MAX);
    for round in 1..=ROUNDS {
        let cpu_before = cpu(client.welcome().keeper_pid);
        let begin = Instant::now();
        let request = Request::Spawn {
            instance: "a.1".parse().expect("a name"),
            generation: round,
            command: Box::new(Command {
                argv: vec!["sh".into(), "-c".into(), script.clone()],
                env: vec![("PATH".into(), "/usr/bin:/bin".into())],
                cwd: "/".into(),
                ..Command::default()
            }),
            log: LogPolicy {
                max_size: 10 * 1024 * 1024,
                max_age_ms: None,
                max_total: None,
                keep: 2,
                overflow: Overflow::Block,
            },
        };
        client.ask(request).expect("a start");
        let deadline = Instant::now() + Duration::from_mins(1);
        while !matches!(
            client.event(deadline).expect("an event").body,
            EventBody::Exited { .. }
        ) {}
        let wall = begin.elapsed().as_secs_f64();
        let used = cpu(client.welcome().keeper_pid) - cpu_before;
        best = (best.0.min(wall), best.1.min(used));
    }
    #[expect(clippy::cast_precision_loss, reason = "it is small")]
    let megabytes = MEGABYTES as f64;
    println!(
        "capture, the best of {ROUNDS}: {:.0} MB/s as time passed, {:.0} MB/s of the keeper's core",
        megabytes / best.0,
        megabytes / best.1
    );
    std::fs::write(dir.join("end"), "").expect("a file");
    guard.wait().expect("the guard ends");
}

fn connect(dir: &Utf8Path) -> Client {
    loop {
        match Client::open(dir, Role::Supervisor, 0) {
            Ok(client) => return client,
            Err(_) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}

/// Seconds that a process was on a core, in it and in the kernel.
fn cpu(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a keeper");
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u32 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u32>().ok())
        .sum();
    f64::from(ticks) / 100.0
}
