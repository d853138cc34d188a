//! Output is in the log exactly once, whenever a keeper, or everything, is killed.

use std::time::{Duration, Instant};

use gantry_keeper::client::Client;
use gantry_keeper::protocol::{Command, LogPolicy, Overflow, Request, Role, Spawn};

use crate::support::*;

/// Numbers that look random and come again in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Start services that print so many numbers each, as fast as they can.
fn start_counting(stack: &mut Stack, services: u32, lines: u32, terminal: bool) {
    for number in 1..=services {
        let last = lines.to_string();
        let mut request = spawn(
            &format!("a.{number}"),
            1,
            command(&["sh", "-c", "seq $0; sleep 1000", &last]),
        );
        if let Request::Spawn(Spawn { log, command, .. }) = &mut request {
            command.terminal = terminal;
            *log = LogPolicy {
                max_size: 500_000,
                max_age_ms: None,
                max_total: None,
                keep: 1000,
                overflow: Overflow::Block,
            };
        }
        stack.client.ask(request).unwrap();
    }
}

impl Stack {
    fn count(&self, service: u32) -> usize {
        self.lines(&format!("a.{service}")).len()
    }
}

#[test]
fn no_line_is_lost_or_doubled_by_keepers_that_are_killed() {
    count_while_keepers_are_killed(150_000, false);
}

#[test]
fn no_line_of_a_terminal_is_lost_or_doubled_by_keepers_that_are_killed() {
    count_while_keepers_are_killed(150_000, true);
}

fn count_while_keepers_are_killed(count: u32, terminal: bool) {
    let mut stack = Stack::new();
    start_counting(&mut stack, 3, count, terminal);
    let mut chance = Chance(0x5eed);
    let mut kills = 0;
    let last = count.to_string();
    let done = |stack: &Stack| {
        (1..=3).all(|service| {
            let path = stack.layout().log(&instance(&format!("a.{service}")));
            std::fs::read_to_string(path.join("current"))
                .is_ok_and(|text| text.trim_end().ends_with(&format!(" {last}")))
        })
    };
    let deadline = Instant::now() + PATIENCE;
    while !done(&stack) {
        assert!(Instant::now() < deadline, "never done");
        // Half of them before they answer for the first time, which gets nothing done.
        let waits = chance.below(2) == 0;
        if waits && Client::open(stack.dir(), Role::Observer, 0).is_err() {
            continue;
        }
        std::thread::sleep(Duration::from_micros(chance.below(6000)));
        if let Some(keeper) = stack.keeper() {
            kill(keeper);
            kills += 1;
        }
    }
    assert!(kills > 5, "only {kills} kills");
    let wanted: Vec<String> = (1..=count).map(|line| line.to_string()).collect();
    for service in 1..=3 {
        let lines = stack.lines(&format!("a.{service}"));
        let first = lines.iter().zip(&wanted).position(|(a, b)| a != b);
        assert!(
            lines == wanted,
            "a.{service}: {} lines after {kills} kills, the first wrong one at {first:?}",
            lines.len()
        );
    }
}

#[test]
fn no_line_of_a_terminal_is_lost_with_the_guard() {
    const LINES: u32 = 60_000;
    let mut stack = Stack::new();
    start_counting(&mut stack, 3, LINES, true);
    eventually("something is printed", || stack.count(1) > 0);
    stack.lose_guard();
    let keeper = stack.client.welcome().keeper_pid;
    kill(keeper);
    stack.reconnect_after(keeper);
    eventually("all is printed", || {
        (1..=3).all(|service| stack.count(service) >= LINES as usize)
    });
    let wanted: Vec<String> = (1..=LINES).map(|line| line.to_string()).collect();
    for service in 1..=3 {
        assert!(
            stack.lines(&format!("a.{service}")) == wanted,
            "a.{service}"
        );
    }
}

#[test]
fn no_line_is_lost_or_doubled_when_everything_is_killed() {
    const LINES: u32 = 60_000;
    let mut stack = Stack::new();
    start_counting(&mut stack, 3, LINES, false);
    let mut chance = Chance(0xa11);
    for _ in 0..8 {
        std::thread::sleep(Duration::from_millis(2 + chance.below(15)));
        let supervisor = stack.supervisor();
        stack.lose_guard_and_keeper();
        supervisor.into_iter().for_each(kill);
        stack.new_guard();
    }
    eventually("all is printed", || {
        (1..=3).all(|service| stack.count(service) >= LINES as usize)
    });
    let wanted: Vec<String> = (1..=LINES).map(|line| line.to_string()).collect();
    for service in 1..=3 {
        assert!(
            stack.lines(&format!("a.{service}")) == wanted,
            "a.{service}"
        );
    }
}

#[test]
fn what_could_not_be_written_outlives_keeper_and_start() {
    write_later(false);
}

#[test]
fn what_could_not_be_written_of_a_terminal_does_so_too() {
    write_later(true);
}

fn write_later(terminal: bool) {
    let mut stack = Stack::new();
    let log = stack.layout().log(&instance("a.1"));
    std::fs::create_dir_all(log.parent().unwrap()).unwrap();
    std::fs::write(&log, "in the way").unwrap();
    let mut start = |generation, script| {
        let command = Command {
            terminal,
            ..command(&["sh", "-c", script])
        };
        stack.client.ask(spawn("a.1", generation, command)).unwrap();
        stack.exited("a.1");
    };
    start(1, "seq 1000; printf half");
    start(2, "echo second");
    let keeper = stack.client.welcome().keeper_pid;
    kill(keeper);
    eventually("another keeper", || {
        stack.reconnect();
        stack.client.welcome().keeper_pid != keeper
    });
    std::fs::remove_file(&log).unwrap();
    eventually("both are written", || stack.lines("a.1").len() == 1002);
    let lines = stack.lines("a.1");
    assert_eq!(lines[999..], ["1000", "half", "second"]);
}

#[test]
fn a_count_of_dropped_lines_outlives_the_keeper() {
    let mut stack = Stack::new();
    let log = stack.layout().log(&instance("a.1"));
    std::fs::create_dir_all(log.parent().unwrap()).unwrap();
    std::fs::write(&log, "in the way").unwrap();
    let script = format!("seq 50000; while test -f {log}; do sleep 0.05; done; echo done");
    let mut request = spawn("a.1", 1, command(&["sh", "-c", &script]));
    if let Request::Spawn(Spawn { log, .. }) = &mut request {
        log.overflow = Overflow::Drop;
    }
    stack.client.ask(request).unwrap();
    let mut chance = Chance(0xd10b);
    for _ in 0..10 {
        std::thread::sleep(Duration::from_millis(chance.below(20)));
        let keeper = Client::open(stack.dir(), Role::Observer, 0)
            .unwrap()
            .welcome()
            .keeper_pid;
        kill(keeper);
        eventually("another keeper", || {
            Client::open(stack.dir(), Role::Observer, 0)
                .is_ok_and(|client| client.welcome().keeper_pid != keeper)
        });
    }
    // Nothing is in its pipe any more when it waits for the file to go.
    stack.reconnect();
    std::thread::sleep(Duration::from_millis(300));
    std::fs::remove_file(&log).unwrap();
    stack.exited("a.1");
    let query = gantry_log::Query::default();
    let lines = gantry_log::LogFolder::new(log).read(&query).unwrap();
    let lines: Vec<_> = lines.iter().map(|line| line.text().into_owned()).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("50000 lines are missing"), "{}", lines[0]);
    assert_eq!(lines[1], "done");
}
