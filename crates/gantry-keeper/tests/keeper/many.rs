//! Many at once.

use std::collections::BTreeSet;
use std::time::Instant;

use gantry_keeper::protocol::{EventBody, Request};

use crate::support::*;

#[test]
fn two_hundred_start_run_and_stop() {
    for trees in [Trees::Best, Trees::Lineage] {
        let mut stack = Stack::with(trees);
        let names: Vec<String> = (1..=200).map(|number| format!("a.{number}")).collect();
        let begin = Instant::now();
        stack
            .client
            .tell(
                names
                    .iter()
                    .map(|name| spawn(name, 1, command(&["sleep", "1000"]))),
            )
            .unwrap();
        let mut pids = BTreeSet::new();
        let mut seen = BTreeSet::new();
        while seen.len() < names.len() {
            // None of them waits for another.
            let (name, pid) = stack.until(|body| match body {
                EventBody::Spawned {
                    instance, process, ..
                } => Some((instance.clone(), process.pid)),
                EventBody::SpawnFailed { failure, .. } => panic!("{failure}"),
                _ => None,
            });
            assert!(seen.insert(name.to_string()), "{name} twice");
            pids.insert(pid);
        }
        let up = begin.elapsed();
        assert_eq!(pids.len(), 200);
        assert_eq!(stack.list().instances.len(), 200);
        let begin = Instant::now();
        stack
            .client
            .tell(names.iter().map(|name| stop(name, 1, 5000)))
            .unwrap();
        let mut left: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        while !left.is_empty() {
            let gone = stack.until(|body| match body {
                EventBody::Stopped { instance, .. } => Some(instance.clone()),
                _ => None,
            });
            assert!(left.remove(gone.as_str()), "{gone} twice");
        }
        let down = begin.elapsed();
        assert_eq!(stack.services(), [0; 0]);
        let sequence = stack.list().sequence;
        stack.client.ask(Request::Ack { sequence }).unwrap();
        assert!(up.as_secs() < 10 && down.as_secs() < 10, "{up:?} {down:?}");
    }
}

#[test]
fn descriptors_do_not_grow() {
    let mut stack = Stack::new();
    let keeper = stack.client.welcome().keeper_pid;
    let count = |pid: u32| {
        std::fs::read_dir(format!("/proc/{pid}/fd"))
            .unwrap()
            .count()
    };
    let mut before = 0;
    let names: Vec<String> = (1..=20).map(|number| format!("a.{number}")).collect();
    for generation in 1..=5 {
        for name in &names {
            stack.shell(name, generation, "echo hello");
        }
        stack.all_exited(&names);
        eventually("the pipes are closed", || {
            generation == 1 || count(keeper) <= before
        });
        std::thread::sleep(std::time::Duration::from_millis(20));
        before = count(keeper);
    }
}

/// Prints how long a thousand take; a measure, not a test. Run it with `--release --ignored --nocapture`.
#[test]
#[ignore = "a measure for a quiet machine"]
fn a_thousand() {
    for trees in [Trees::Best, Trees::Lineage] {
        let mut stack = Stack::with(trees);
        let names: Vec<String> = (1..=1000).map(|number| format!("a.{number}")).collect();
        let begin = Instant::now();
        stack
            .client
            .tell(
                names
                    .iter()
                    .map(|name| spawn(name, 1, command(&["/bin/sleep", "1000"]))),
            )
            .unwrap();
        for name in &names {
            stack.spawned(name);
        }
        let up = begin.elapsed();
        eventually("idle", || {
            stack.layout().run_file(&instance("a.1000")).exists()
        });
        let begin = Instant::now();
        stack
            .client
            .tell(names.iter().map(|name| stop(name, 1, 5000)))
            .unwrap();
        let mut left = names.len();
        while left > 0 {
            stack.until(|body| matches!(body, EventBody::Stopped { .. }).then_some(()));
            left -= 1;
        }
        let text = format!("{trees:?}: up {up:?}, down {:?}\n", begin.elapsed());
        std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes()).unwrap();
    }
}
