//! An order is carried out, and what is told of it is true, whichever of gantry's processes is killed over it.

use std::fmt::Write as _;
use std::process::Child;
use std::time::Duration;

use gantry_test::{Process, Run, Sandbox, wait_until};
use serde_json::Value;

use crate::support::{PATIENCE, Part, part, service, services};

/// Two chains of three that end at once when they are asked to, and a job that writes down each time that it runs.
fn stack() -> String {
    let mut file = "name = \"orders\"\n[services.task]\njob = true\nauto-start = false\n\
                    [services.task.process]\ncommand = [\"sh\", \"-c\", \"echo ran >> jobs\"]\n"
        .to_owned();
    for (number, name) in NAMES.iter().enumerate() {
        let needs = match number % 3 {
            0 => String::new(),
            _ => format!("depends-on = [{:?}]\n", NAMES[number - 1]),
        };
        write!(
            file,
            "[services.{name}]\n{needs}stop = {{ grace = \"3s\" }}\nreadiness = {{ log = \"ok\" }}\n\
             [services.{name}.process]\ncommand = [\"sh\", \"-c\", \
             \"trap 'exit 0' TERM; echo ok; while :; do sleep 0.05; done\"]\n"
        )
        .expect("a string takes everything");
    }
    file
}

const NAMES: [&str; 6] = ["a1", "a2", "a3", "b1", "b2", "b3"];

/// How many orders are given.
const ORDERS: u64 = 80;

/// The next number of a simple generator, below `below`.
struct Chance(u64);

impl Chance {
    fn below(&mut self, below: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.0 >> 33).expect("31 bits") % below
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Order {
    Start(&'static str),
    Stop(&'static str),
    Restart(&'static str),
    Run,
    Up,
    Down,
    Status,
}

impl Order {
    fn any(chance: &mut Chance) -> Self {
        let name = NAMES[chance.below(NAMES.len())];
        match chance.below(7) {
            0 => Self::Start(name),
            1 => Self::Stop(name),
            2 => Self::Restart(name),
            3 => Self::Run,
            4 => Self::Up,
            5 => Self::Down,
            _ => Self::Status,
        }
    }

    fn give(self, sandbox: &Sandbox) -> Child {
        match self {
            Self::Start(name) => sandbox.spawn(["start", name]),
            Self::Stop(name) => sandbox.spawn(["stop", name, "--cascade"]),
            Self::Restart(name) => sandbox.spawn(["restart", name]),
            Self::Run => sandbox.spawn(["start", "task"]),
            Self::Up => sandbox.spawn(["up", "-d"]),
            Self::Down => sandbox.spawn(["down"]),
            Self::Status => sandbox.spawn(["status", "-o", "json"]),
        }
    }

    /// Whether it has been carried out; `before` is the status before it.
    fn is_done(self, before: &Value, after: &Value) -> bool {
        let is = |name: &str, state: &str| service(after, name)["state"] == state;
        let generation = |status: &Value, name: &str| {
            let instance = &service(status, name)["instances"][0];
            instance["generation"].as_u64().unwrap_or(0)
        };
        match self {
            Self::Start(name) => is(name, "running"),
            Self::Stop(name) => is(name, "stopped"),
            Self::Restart(name) => {
                is(name, "running") && generation(after, name) == generation(before, name) + 1
            }
            Self::Run => is("task", "completed"),
            Self::Up => NAMES.iter().all(|name| is(name, "running")),
            Self::Down | Self::Status => true,
        }
    }
}

/// Guard, keeper or supervisor, as they are now.
fn victim(sandbox: &Sandbox, chance: &mut Chance) -> Option<Process> {
    let parts = [
        Part::Supervisor,
        Part::Supervisor,
        Part::Keeper,
        Part::Guard,
    ];
    part(sandbox, parts[chance.below(parts.len())])
}

#[test]
fn orders_are_carried_out_whoever_is_killed_over_them() {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", &stack());
    sandbox.gantry(["up", "-d"]).expect(0);
    let seed = u64::from(std::process::id());
    let mut chance = Chance(seed);
    let mut ran = 0;
    for number in 1..=ORDERS {
        let before = sandbox.status();
        let order = Order::any(&mut chance);
        let victim = victim(&sandbox, &mut chance);
        let child = order.give(&sandbox);
        std::thread::sleep(Duration::from_millis(chance.below(40) as u64));
        victim.iter().for_each(Process::kill);
        let about = format!("seed {seed}, order {number}, {order:?}, {victim:?}");
        let run = Run::from(child.wait_with_output().expect("gantry ends"));
        assert_eq!(run.code, 0, "{about}: {}{}", run.stdout, run.stderr);
        if order == Order::Down {
            let left = || sandbox.processes();
            wait_until(PATIENCE, "all processes end", left, Vec::is_empty);
            sandbox.gantry(["up", "-d"]).expect(0);
            continue;
        }
        let after = sandbox.status();
        assert!(order.is_done(&before, &after), "{about}: {after:#}");
        let fell = |one: &&Value| one["restarts"] != 0 || !one["failure"].is_null();
        assert_eq!(services(&after).iter().find(fell), None, "{about}");
        ran += usize::from(order == Order::Run);
        let jobs = std::fs::read_to_string(sandbox.path("stack/jobs")).unwrap_or_default();
        assert_eq!(jobs.lines().count(), ran, "{about}");
    }
}
