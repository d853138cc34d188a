//! What services say of themselves, and that nobody's death makes it unsaid.

use std::time::{Duration, Instant};

use gantry_keeper::protocol::{EventBody, Exit, Line, Said, Voice};

use crate::support::*;

const FIXTURE: &str = env!("CARGO_BIN_EXE_keeper-fixture");

impl Stack {
    fn speaker(&mut self, name: &str, voice: Voice, script: &str) -> u32 {
        let mut command = command(&["sh", "-c", script]);
        command.voice = voice;
        command.env.push(("SAY".into(), format!("{FIXTURE} say")));
        self.client.ask(spawn(name, 1, command)).unwrap();
        self.spawned(name)
    }

    /// Wait until an instance has said something that is so.
    fn said(&mut self, wanted: &str, is: impl Fn(&Said) -> bool) -> Said {
        self.until(|body| match body {
            EventBody::Said { instance, said, .. } if instance.as_str() == wanted && is(said) => {
                Some(said.clone())
            }
            EventBody::Exited { instance, exit, .. } if instance.as_str() == wanted => {
                panic!("{wanted} ended: {exit}")
            }
            _ => None,
        })
    }

    fn listed(&mut self, wanted: &str) -> gantry_keeper::protocol::InstanceState {
        let listing = self.list();
        let found = listing.instances.into_iter();
        found
            .into_iter()
            .find(|state| state.instance.as_str() == wanted)
            .unwrap()
    }

    fn replace_keeper(&mut self) {
        let before = self.client.welcome().keeper_pid;
        kill(before);
        self.reconnect_after(before);
    }
}

fn by_fd(fd: u16) -> Voice {
    Voice {
        fd: Some(fd),
        ..Voice::default()
    }
}

fn by_message(watchdog_ms: Option<u64>) -> Voice {
    Voice {
        notify: true,
        watchdog_ms,
        ..Voice::default()
    }
}

/// Shell: wait until there is this file.
fn until(stack: &Stack, name: &str) -> String {
    format!("while ! test -e {}; do sleep 0.01; done", path(stack, name))
}

fn make(stack: &Stack, name: &str) {
    std::fs::write(path(stack, name), "").unwrap();
}

#[test]
fn only_a_whole_line_means_ready() {
    let mut stack = Stack::new();
    let go = until(&stack, "go");
    let script =
        format!("echo fd is $GANTRY_READY_FD; printf nearly >&7; {go}; echo >&7; sleep 1000");
    stack.speaker("a.1", by_fd(7), &script);
    stack.printed("a.1", "fd is 7");
    assert_eq!(stack.listed("a.1").said, None);
    make(&stack, "go");
    assert_eq!(stack.said("a.1", |_| true).line, Line::Written);
    // One that lets go of it never will be.
    stack.speaker("b.1", by_fd(3), "exec 3>&-; sleep 1000");
    assert_eq!(stack.said("b.1", |_| true).line, Line::Closed);
}

#[test]
fn a_line_is_heard_whichever_keeper_lives_when_it_is_written() {
    for trees in [Trees::Best, Trees::Lineage] {
        let mut stack = Stack::with(trees);
        let (early, late) = (until(&stack, "early"), until(&stack, "late"));
        stack.speaker("a.1", by_fd(3), &format!("{early}; echo >&3; sleep 1000"));
        stack.speaker(
            "b.1",
            by_fd(900),
            &format!("{late}; exec bash -c 'echo >&$GANTRY_READY_FD; sleep 1000'"),
        );
        // Not acknowledged, so told again by the next keeper.
        make(&stack, "early");
        assert_eq!(stack.said("a.1", |_| true).line, Line::Written);
        stack.replace_keeper();
        assert_eq!(stack.said("a.1", |_| true).line, Line::Written);
        make(&stack, "late");
        assert_eq!(stack.said("b.1", |_| true).line, Line::Written);
        stack.replace_keeper();
        for name in ["a.1", "b.1"] {
            assert_eq!(stack.listed(name).said.unwrap().line, Line::Written);
        }
    }
}

#[test]
fn a_line_is_heard_when_the_keeper_becomes_the_guard() {
    let mut stack = Stack::new();
    let go = until(&stack, "go");
    stack.speaker("a.1", by_fd(5), &format!("{go}; echo >&5; sleep 1000"));
    stack.lose_guard();
    make(&stack, "go");
    assert_eq!(stack.said("a.1", |_| true).line, Line::Written);
}

#[test]
fn a_line_is_heard_by_a_new_guard() {
    let mut stack = Stack::new();
    let go = until(&stack, "go");
    let pid = stack.speaker("a.1", by_fd(5), &format!("{go}; echo >&5; sleep 1000"));
    stack.lose_guard_and_keeper();
    make(&stack, "go");
    stack.new_guard();
    assert_eq!(stack.said("a.1", |_| true).line, Line::Written);
    assert!(alive(pid));
}

#[test]
fn messages_are_heard_from_the_whole_tree_and_from_nobody_else() {
    for trees in [Trees::Best, Trees::Lineage] {
        let mut stack = Stack::with(trees);
        let script = "echo $NOTIFY_SOCKET; $SAY STATUS=warming; setsid sh -c 'setsid $SAY READY=1; true' & sleep 1000";
        stack.speaker("a.1", by_message(None), script);
        let said = stack.said("a.1", |said| said.ready);
        assert_eq!(said.status.as_deref(), Some("warming"));
        // This test is no instance of this stack, nor is one that may not speak.
        let socket = stack.lines("a.1").remove(0);
        let ended = std::process::Command::new(FIXTURE)
            .args(["say", "STOPPING=1"])
            .env("NOTIFY_SOCKET", &socket)
            .status();
        assert!(ended.unwrap().success());
        stack.shell(
            "mute.1",
            1,
            &format!("test -z \"$NOTIFY_SOCKET\" && NOTIFY_SOCKET={socket} {FIXTURE} say READY=1; echo done; sleep 1000"),
        );
        stack.printed("mute.1", "done");
        // Each came with its barrier.
        eventually("four foreign messages", || {
            stack.list().foreign_messages == 4
        });
        assert!(!stack.listed("a.1").said.unwrap().stopping);
        assert_eq!(stack.listed("mute.1").said, None);
    }
}

#[test]
fn messages_wait_for_the_next_keeper() {
    let mut stack = Stack::new();
    let go = until(&stack, "go");
    let many = "i=0; while test $i -lt 20; do i=$((i+1)); $SAY STATUS=$i; done";
    stack.speaker(
        "a.1",
        by_message(None),
        &format!("{go}; {many}; $SAY READY=1; echo sent; sleep 1000"),
    );
    make(&stack, "go");
    for _ in 0..3 {
        stack.replace_keeper();
    }
    stack.printed("a.1", "sent");
    let said = stack.said("a.1", |said| said.ready);
    assert_eq!(said.status.as_deref(), Some("20"));
}

#[test]
fn a_silent_service_is_told_of_and_a_replaced_keeper_accuses_nobody() {
    let mut stack = Stack::new();
    let live = format!("exec {FIXTURE} live 20");
    stack.speaker("lives.1", by_message(Some(300)), &live);
    let script = "echo $WATCHDOG_USEC $((WATCHDOG_PID - $$)); $SAY READY=1; sleep 1000";
    stack.speaker("hangs.1", by_message(Some(300)), script);
    let begin = Instant::now();
    stack.said("hangs.1", |said| said.misses == 1);
    assert!(
        begin.elapsed() >= Duration::from_millis(250),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(stack.lines("hangs.1"), ["300000 0"]);
    // The guard may take a while to make another keeper; what was sent meanwhile counts.
    let keeper = stack.client.welcome().keeper_pid;
    let process = gantry_sys::stat(keeper).unwrap().process();
    gantry_sys::send(process, 19).unwrap();
    std::thread::sleep(Duration::from_millis(700));
    gantry_sys::send(process, 18).unwrap();
    stack.replace_keeper();
    stack.said("hangs.1", |said| said.misses >= 3);
    assert_eq!(stack.listed("lives.1").said.unwrap().misses, 0);
}

#[test]
fn the_leader_may_change_within_the_tree_only() {
    for trees in [Trees::Best, Trees::Lineage] {
        let mut stack = Stack::with(trees);
        let go = until(&stack, "go");
        let script =
            format!("$SAY MAINPID=1; sh -c '{go}; exit 6' & $SAY MAINPID=$!; $SAY READY=1; exit 0");
        let first = stack.speaker("a.1", by_message(None), &script);
        let said = stack.said("a.1", |said| said.ready);
        let leader = said.leader.expect("a leader");
        assert!(leader.pid != first && leader.pid != 1);
        eventually("the first ends", || !alive(first));
        assert_eq!(stack.listed("a.1").process.unwrap().pid, leader.pid);
        stack.replace_keeper();
        assert_eq!(stack.listed("a.1").process.unwrap().pid, leader.pid);
        make(&stack, "go");
        assert_eq!(stack.exited("a.1"), Exit::Code(6));
    }
}

#[test]
fn the_end_of_a_leader_whose_parent_is_one_of_its_own_is_known() {
    let mut stack = Stack::new();
    let go = until(&stack, "go");
    // The first process never waits for the one that it names.
    let script = format!("sh -c '{go}; exit 9' & $SAY MAINPID=$! READY=1; exec sleep 1000");
    let first = stack.speaker("a.1", by_message(None), &script);
    stack.said("a.1", |said| said.ready);
    eventually("it is no shell any more, which would wait", || {
        gantry_sys::cmdline(first).starts_with("sleep")
    });
    make(&stack, "go");
    assert_eq!(stack.exited("a.1"), Exit::Code(9));
    stack.stop("a.1", 1, 5000);
    stack.stopped("a.1");
    assert_eq!(stack.services(), [0; 0]);
}

#[test]
fn one_that_asks_for_time_to_end_gets_it() {
    let mut stack = Stack::new();
    let script = "trap '$SAY EXTEND_TIMEOUT_USEC=60000000; sleep 0.6; exit 3' TERM; $SAY READY=1; while :; do sleep 0.01; done";
    stack.speaker("a.1", by_message(None), script);
    stack.said("a.1", |said| said.ready);
    stack.stop("a.1", 1, 200);
    assert_eq!(stack.stopped("a.1"), (Exit::Code(3), false));
}
