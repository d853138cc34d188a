//! Small helpers over the JSON of `status`, and the smallest HTTP client.

use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gantry_test::{Process, Sandbox, wait_until};
use serde_json::Value;

/// How long anything may take that is not measured.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A folder of `examples`.
pub(crate) fn example(name: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .expect("a workspace")
        .join("examples")
        .join(name)
}

/// The stack file of `examples/quickstart`, with a free port for the gateway.
pub(crate) fn quickstart_file() -> String {
    let text = std::fs::read_to_string(example("quickstart").join("gantry.toml"));
    text.expect("the quickstart's stack file")
        .replace(":-7870", ":-0")
}

/// `count` services that only sleep.
pub(crate) fn sleepers(count: usize) -> String {
    let mut text = "name = \"sleepers\"\n".to_owned();
    for number in 1..=count {
        writeln!(
            text,
            "[services.s{number:02}.process]\ncommand = [\"sleep\", \"1000\"]"
        )
        .expect("a string takes everything");
    }
    text
}

/// The services of a status, in its order.
#[track_caller]
pub(crate) fn services(status: &Value) -> &Vec<Value> {
    status["services"].as_array().expect("services is an array")
}

/// One service of a status.
#[track_caller]
pub(crate) fn service<'a>(status: &'a Value, name: &str) -> &'a Value {
    let found = services(status)
        .iter()
        .find(|service| service["name"] == name);
    found.unwrap_or_else(|| panic!("no service {name} in {status:#}"))
}

/// The process numbers of every instance, with the instances' ids.
pub(crate) fn pids(status: &Value) -> Vec<(String, u64)> {
    services(status)
        .iter()
        .flat_map(|service| service["instances"].as_array().into_iter().flatten())
        .filter_map(|instance| {
            Some((
                instance["id"].as_str()?.to_owned(),
                instance["pid"].as_u64()?,
            ))
        })
        .collect()
}

/// Kill guard, keeper and supervisor, and whoever takes the place of one meanwhile.
pub(crate) fn kill_parts(sandbox: &Sandbox) {
    let is_part =
        |one: &Process| one.command.contains(" __guard") || one.command.contains(" __supervisor");
    wait_until(
        PATIENCE,
        "all parts are dead",
        || {
            let parts = sandbox.processes().into_iter().filter(is_part);
            parts.inspect(Process::kill).count()
        },
        |parts| *parts == 0,
    );
}

/// One of gantry's own processes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    /// The first pair's, or another's where that is gone.
    Guard,
    /// Likewise.
    Keeper,
    Supervisor,
}

/// What this part is at present.
pub(crate) fn part(sandbox: &Sandbox, which: Part) -> Option<Process> {
    let mut all = sandbox.processes().into_iter();
    if matches!(which, Part::Supervisor) {
        return all.find(|one| one.command.contains(" __supervisor"));
    }
    // Guards and keepers have the same arguments, and so has a child that is not its program yet.
    let alike: Vec<Process> = all.filter(|one| one.command.contains(" __guard")).collect();
    let parent = |one: &Process| alike.iter().find(|other| other.pid == one.parent);
    let keepers = alike.iter().filter(|one| parent(one).is_some());
    let keeper = keepers.min_by_key(|one| one.start_time)?;
    match which {
        Part::Guard => parent(keeper).cloned(),
        _ => Some(keeper.clone()),
    }
}

/// Another supervisor than this one keeps the stack.
pub(crate) fn kill_supervisor(sandbox: &Sandbox) {
    let before = part(sandbox, Part::Supervisor).expect("a supervisor");
    before.kill();
    let another = |status: &Value| status["supervisor"]["pid"] != before.pid;
    wait_until(PATIENCE, "another supervisor", || sandbox.status(), another);
}

/// The sum of all services' restarts.
pub(crate) fn restarts(status: &Value) -> u64 {
    services(status)
        .iter()
        .filter_map(|service| service["restarts"].as_u64())
        .sum()
}

/// Whether every service is ready, or a job that has ended well.
pub(crate) fn all_ready(status: &Value) -> bool {
    services(status)
        .iter()
        .all(|service| service["ready"] == true || service["state"] == "completed")
}

/// Wait until every service is ready.
#[track_caller]
pub(crate) fn wait_until_ready(sandbox: &Sandbox) -> Value {
    wait_until(
        PATIENCE,
        "every service is ready",
        || sandbox.status(),
        all_ready,
    )
}

/// `host:port` of a service's endpoint.
#[track_caller]
pub(crate) fn address(status: &Value, name: &str) -> String {
    let url = service(status, name)["endpoints"][0]["url"].as_str();
    let url = url.unwrap_or_else(|| panic!("{name} has no endpoint in {status:#}"));
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest).to_owned()
}

/// The id of the only stack of a sandbox.
pub(crate) fn stack_id(sandbox: &Sandbox) -> String {
    let stacks = std::fs::read_dir(sandbox.home().join("stacks")).expect("stacks");
    let names = stacks.flatten().filter(|entry| entry.path().is_dir());
    let mut names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.next().expect("a stack")
}

/// What a service has printed, line by line.
#[track_caller]
pub(crate) fn printed(sandbox: &Sandbox, service: &str) -> Vec<String> {
    let logs = sandbox.gantry(["logs", service, "-o", "json"]);
    let lines = logs.expect(0).stdout.lines();
    let text = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("a record");
        line["text"].as_str().expect("a text").to_owned()
    };
    lines.map(text).collect()
}

/// Waits until a service has printed this and nothing else: an engine may tell a little later what is printed.
#[track_caller]
pub(crate) fn wait_until_printed<S: AsRef<str>>(sandbox: &Sandbox, service: &str, wanted: &[S]) {
    let is = |lines: &Vec<String>| {
        lines.len() == wanted.len()
            && lines
                .iter()
                .zip(wanted)
                .all(|(line, it)| line == it.as_ref())
    };
    wait_until(
        PATIENCE,
        "it is in the log",
        || printed(sandbox, service),
        is,
    );
}

/// The status and body of a GET.
pub(crate) fn get(address: &str, path: &str) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(
        format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes(),
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
    Ok((status.ok_or(io::ErrorKind::InvalidData)?, body.to_owned()))
}
