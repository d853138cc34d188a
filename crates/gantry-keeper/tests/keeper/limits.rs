//! Limits on trees, with programs that go beyond them.

use std::fs;

use gantry_keeper::protocol::{Command, EventBody, Exit, OutOfMemory, Request, Resources};

use crate::support::*;

const MEMORY: u64 = 24 << 20;

fn limited(script: &str, resources: Resources) -> Command {
    Command {
        resources,
        ..command(&["sh", "-c", script])
    }
}

impl Stack {
    /// Start it; what could not be applied.
    fn start(&mut self, command: Command) -> Vec<String> {
        self.client.ask(spawn("a.1", 1, command)).unwrap();
        self.until(|body| match body {
            EventBody::Spawned { not_applied, .. } => Some(not_applied.clone()),
            EventBody::SpawnFailed { failure, .. } => panic!("{failure}"),
            _ => None,
        })
    }

    /// Start it; if these limits cannot be had here, say so.
    fn starts_limited(&mut self, test: &str, command: Command) -> bool {
        let not_applied = self.start(command);
        for why in &not_applied {
            gantry_test::skip(test, why);
        }
        not_applied.is_empty()
    }

    /// A file of one of its groups.
    fn counter(&mut self, file: &str) -> Option<String> {
        let groups = self.list().instances[0].groups.clone();
        groups
            .iter()
            .find_map(|group| fs::read_to_string(group.join(file)).ok())
    }

    fn oom(&mut self) -> (Exit, Option<OutOfMemory>) {
        self.until(|body| match body {
            EventBody::Exited {
                exit,
                out_of_memory,
                ..
            } => Some((exit.clone(), *out_of_memory)),
            _ => None,
        })
    }
}

#[test]
fn what_takes_too_much_memory_is_killed_and_that_is_said() {
    let mut stack = Stack::new();
    let resources = Resources {
        memory: Some(MEMORY),
        ..Resources::default()
    };
    // One line of 200 MB, which `tail` has to keep whole.
    let script = "exec tail -c 200000000 /dev/zero";
    let script = format!(
        "head -c 200000000 /dev/zero | {}",
        script.replace(" /dev/zero", "")
    );
    let script = format!("exec sh -c '{script} >/dev/null; exit $?'");
    if !stack.starts_limited("a limit of memory", limited(&script, resources)) {
        return;
    }
    let (exit, oom) = stack.oom();
    assert_ne!(exit, Exit::Code(0));
    let oom = oom.expect("it is said");
    assert_eq!(oom.limit, Some(MEMORY));
    assert!(oom.killed >= 1);
}

#[test]
fn a_leader_that_takes_too_much_memory_is_killed() {
    let mut stack = Stack::new();
    let resources = Resources {
        memory: Some(MEMORY),
        ..Resources::default()
    };
    // A variable that doubles until there is no more.
    let script = "a=0123456789abcdef; while :; do a=$a$a; done";
    if !stack.starts_limited("a limit of memory", limited(script, resources)) {
        return;
    }
    let (exit, oom) = stack.oom();
    let killed = Exit::Signal {
        signal: 9,
        core: false,
    };
    assert_eq!(exit, killed);
    assert_eq!(oom.and_then(|oom| oom.limit), Some(MEMORY));
    stack.stop("a.1", 1, 100);
    stack.stopped("a.1");
}

#[test]
fn a_bomb_of_forks_meets_its_limit() {
    let mut stack = Stack::new();
    let resources = Resources {
        pids: Some(20),
        ..Resources::default()
    };
    let script = "bomb() { bomb | bomb & }; bomb; while :; do sleep 0.1; done";
    if !stack.starts_limited("a limit of processes", limited(script, resources)) {
        return;
    }
    eventually("the limit was met", || {
        let met = stack.counter("pids.events").unwrap_or_default();
        met.lines()
            .any(|line| line.starts_with("max ") && line != "max 0")
    });
    let now: u64 = stack
        .counter("pids.current")
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert!(now <= 20, "{now}");
    stack.stop("a.1", 1, 100);
    stack.stopped("a.1");
    assert_eq!(stack.services(), [0; 0]);
}

#[test]
fn what_computes_too_much_is_held_back() {
    let mut stack = Stack::new();
    let resources = Resources {
        cpu_millis: Some(100),
        ..Resources::default()
    };
    let script = "while :; do :; done";
    if !stack.starts_limited("a limit of processors", limited(script, resources)) {
        return;
    }
    let throttled = |stack: &mut Stack| {
        let groups = stack.list().instances[0].groups.clone();
        groups
            .iter()
            .filter_map(|group| fs::read_to_string(group.join("cpu.stat")).ok())
            .any(|text| {
                text.lines()
                    .filter_map(|line| line.strip_prefix("nr_throttled "))
                    .any(|count| count.parse::<u64>().unwrap() >= 3)
            })
    };
    eventually("it is held back", || throttled(&mut stack));
}

#[test]
fn what_was_limited_leaves_no_group_behind() {
    let mut stack = Stack::new();
    let resources = Resources {
        memory: Some(MEMORY),
        pids: Some(20),
        cpu_millis: Some(500),
        ..Resources::default()
    };
    stack.start(limited("exec sleep 1000", resources));
    let groups = stack.list().instances[0].groups.clone();
    assert!(groups.iter().all(|group| group.exists()), "{groups:?}");
    stack.stop("a.1", 1, 100);
    stack.stopped("a.1");
    assert!(!groups.iter().any(|group| group.exists()), "{groups:?}");
    stack
        .client
        .ask(Request::Forget {
            instance: instance("a.1"),
            generation: 1,
        })
        .unwrap();
    stack.client.ask(Request::Shutdown).unwrap();
    assert!(stack.wait_for_guard());
    let above: Vec<_> = groups.iter().filter_map(|group| group.parent()).collect();
    assert!(!above.iter().any(|group| group.exists()), "{above:?}");
}

#[test]
fn what_cannot_be_limited_runs_and_says_so() {
    for trees in [Trees::Lineage, Trees::Ordinary] {
        if trees == Trees::Ordinary && !is_root() {
            continue;
        }
        let mut stack = Stack::with(trees);
        let resources = Resources {
            memory: Some(MEMORY),
            io_weight: Some(50),
            ..Resources::default()
        };
        let said = stack.start(limited("exec sleep 1000", resources));
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].starts_with("memory: "), "{said:?}");
        assert!(said[1].starts_with("io-weight: "), "{said:?}");
        assert_eq!(stack.list().instances[0].not_applied, said);
        // A keeper that takes over knows it, too.
        let keeper = stack.client.welcome().keeper_pid;
        kill(keeper);
        stack.reconnect();
        assert_eq!(stack.list().instances[0].not_applied, said);
    }
}

#[test]
fn niceness_scheduling_and_limits_of_a_process_hold() {
    let mut stack = Stack::new();
    let mut wanted = command(&["sleep", "1000"]);
    wanted.limits.open_files = Some(77);
    wanted.limits.core = Some(4096);
    wanted.limits.nice = Some(5);
    wanted.limits.oom_score = Some(300);
    wanted.limits.scheduling = Some("batch".into());
    stack.start(wanted);
    let pid = stack.list().instances[0].process.clone().unwrap().pid;
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap();
    let limits = read("limits");
    let line = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..]
            .split_whitespace()
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(line("Max open files"), "77");
    assert_eq!(line("Max core file size"), "4096");
    assert_eq!(read("oom_score_adj").trim(), "300");
    let stat = read("stat");
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .collect();
    // Fields 19 (niceness) and 41 (policy) of proc(5), of which the first two are cut off.
    assert_eq!((fields[16], fields[38]), ("5", "3"));
}

#[test]
fn an_impossible_scheduling_is_named() {
    let mut stack = Stack::new();
    let mut wanted = command(&["true"]);
    wanted.limits.scheduling = Some("never".into());
    stack.client.ask(spawn("a.1", 1, wanted)).unwrap();
    let failure = stack.until(|body| match body {
        EventBody::SpawnFailed { failure, .. } => Some(failure.clone()),
        _ => None,
    });
    assert_eq!(failure.stage, "scheduling");
    assert_eq!(failure.message, "there is no scheduling policy `never`");
}
