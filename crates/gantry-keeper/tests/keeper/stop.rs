//! Stopping: grace, kill, whole trees, and proof.

use std::time::{Duration, Instant};

use gantry_keeper::protocol::{EventBody, Exit, Refusal, Request, Scope};

use crate::support::*;

fn terminated() -> Exit {
    Exit::Signal {
        signal: 15,
        core: false,
    }
}

fn killed() -> Exit {
    Exit::Signal {
        signal: 9,
        core: false,
    }
}

#[test]
fn what_heeds_the_signal_is_stopped_at_once() {
    for trees in Trees::all() {
        let mut stack = Stack::with(trees);
        stack.spawn("a.1", 1, &["sleep", "1000"]);
        stack.spawned("a.1");
        let begin = Instant::now();
        stack.stop("a.1", 1, 10_000);
        assert_eq!(stack.stopped("a.1"), (terminated(), false));
        assert!(
            begin.elapsed() < Duration::from_secs(2),
            "{:?}",
            begin.elapsed()
        );
        assert_eq!(stack.services(), [0; 0]);
    }
}

#[test]
fn what_ignores_the_signal_is_killed_after_the_grace() {
    for trees in Trees::all() {
        let mut stack = Stack::with(trees);
        stack.shell(
            "a.1",
            1,
            "trap '' TERM; echo ready; while :; do sleep 1000; done",
        );
        stack.printed("a.1", "ready");
        let begin = Instant::now();
        stack.stop("a.1", 1, 300);
        assert_eq!(stack.stopped("a.1"), (killed(), true));
        let took = begin.elapsed();
        assert!(took >= Duration::from_millis(300), "{took:?}");
        assert!(took < Duration::from_millis(1500), "{took:?}");
        assert_eq!(stack.services(), [0; 0]);
    }
}

#[test]
fn those_who_escape_are_stopped_too() {
    // A double fork into a session of its own, a grandchild that ignores the signal, and a leader that
    // ends at once.
    let script = "(setsid sh -c 'trap \"\" TERM; echo one; sleep 1000; sleep 1000' &) ; \
                  (trap '' TERM; sh -c 'echo two; sleep 1000' & ) ; sleep 0.3; exit 3";
    for trees in Trees::all() {
        let mut stack = Stack::with(trees);
        stack.shell("a.1", 1, script);
        stack.printed("a.1", "one");
        stack.printed("a.1", "two");
        let left = stack.until(|body| match body {
            EventBody::Exited { exit, left, .. } => {
                assert_eq!(*exit, Exit::Code(3));
                Some(left.len())
            }
            _ => None,
        });
        assert!(left >= 2, "{left}");
        let later = spawn("a.1", 2, command(&["true"]));
        assert!(matches!(
            refused(stack.client.ask(later)),
            Refusal::NotOver { .. }
        ));
        stack.stop("a.1", 1, 200);
        assert_eq!(stack.stopped("a.1"), (Exit::Code(3), true));
        assert_eq!(stack.services(), [0; 0], "{trees:?}");
    }
}

#[test]
fn a_storm_of_forks_is_calmed() {
    for trees in Trees::all() {
        let mut stack = Stack::with(trees);
        // Each child lives shortly and has a next one; all ignore the signal.
        let script = "trap '' TERM; storm() { (sleep 0.02; storm) & (sleep 0.05) & }; storm; \
                      echo on; while :; do sleep 1; done";
        stack.shell("a.1", 1, script);
        stack.printed("a.1", "on");
        std::thread::sleep(Duration::from_millis(100));
        stack.stop("a.1", 1, 50);
        assert_eq!(stack.stopped("a.1"), (killed(), true));
        assert_eq!(stack.services(), [0; 0], "{trees:?}");
    }
}

#[test]
fn a_stop_right_behind_a_spawn_is_heeded() {
    let mut stack = Stack::new();
    let requests = (1..=20).flat_map(|number| {
        let name = format!("a.{number}");
        [
            spawn(&name, 1, command(&["sleep", "1000"])),
            stop(&name, 1, 5000),
        ]
    });
    stack.client.tell(requests).unwrap();
    let mut left: std::collections::BTreeSet<u32> = (1..=20).collect();
    while !left.is_empty() {
        let (number, exit) = stack.until(|body| match body {
            EventBody::Stopped { instance, exit, .. } => Some((instance.number(), exit.clone())),
            _ => None,
        });
        assert_eq!(exit, terminated());
        assert!(left.remove(&number), "{number} twice");
    }
    assert_eq!(stack.services(), [0; 0]);
}

#[test]
fn a_second_stop_can_only_hurry() {
    let mut stack = Stack::new();
    stack.shell(
        "a.1",
        1,
        "trap '' TERM; echo ready; while :; do sleep 1000; done",
    );
    stack.printed("a.1", "ready");
    let begin = Instant::now();
    stack.stop("a.1", 1, 60_000);
    stack.stop("a.1", 1, 0);
    stack.stop("a.1", 1, 60_000);
    assert_eq!(stack.stopped("a.1").0, killed());
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_paused_service_hears_its_stop() {
    let mut stack = Stack::new();
    stack.shell("a.1", 1, "echo ready; exec sleep 1000");
    let pid = stack.spawned("a.1");
    let signal = |signal, scope| Request::Signal {
        instance: instance("a.1"),
        generation: 1,
        signal,
        scope,
    };
    stack.client.ask(signal(19, Scope::Leader)).unwrap();
    eventually("it is paused", || {
        gantry_sys::stat(pid).is_some_and(|stat| stat.state == 'T')
    });
    stack.stop("a.1", 1, 5000);
    assert_eq!(stack.stopped("a.1"), (terminated(), false));
    assert!(matches!(
        refused(stack.client.ask(signal(15, Scope::Leader))),
        Refusal::NotFound { .. }
    ));
}

#[test]
fn what_ended_by_itself_stops_at_once() {
    let mut stack = Stack::new();
    stack.shell("a.1", 1, "exit 5");
    stack.exited("a.1");
    stack.stop("a.1", 1, 60_000);
    assert_eq!(stack.stopped("a.1"), (Exit::Code(5), false));
}
