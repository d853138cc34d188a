//! Starting programs: what they are given, how they end, and how a start fails.

use gantry_keeper::protocol::{
    Command, EventBody, Exit, Limits, Phase, Refusal, Reply, Request, SpawnFailure,
};

use crate::support::*;

#[test]
fn exit_codes_and_signals_are_told() {
    let mut stack = Stack::new();
    stack.shell("a.1", 1, "exit 0");
    assert_eq!(stack.exited("a.1"), Exit::Code(0));
    stack.shell("b.1", 1, "exit 42");
    assert_eq!(stack.exited("b.1"), Exit::Code(42));
    stack.shell("c.1", 1, "kill -KILL $$");
    let killed = Exit::Signal {
        signal: 9,
        core: false,
    };
    assert_eq!(stack.exited("c.1"), killed);
}

fn failure(stack: &mut Stack, name: &str, command: Command) -> SpawnFailure {
    stack.client.ask(spawn(name, 1, command)).unwrap();
    stack.until(|body| match body {
        EventBody::SpawnFailed {
            instance, failure, ..
        } if instance.as_str() == name => Some(failure.clone()),
        EventBody::Spawned { .. } => panic!("it runs"),
        _ => None,
    })
}

#[test]
fn a_start_that_fails_names_the_step() {
    let mut stack = Stack::new();
    let script = path(&stack, "not-executable");
    std::fs::write(&script, "#!/bin/sh\n").unwrap();
    let no_interpreter = path(&stack, "no-interpreter");
    std::fs::write(&no_interpreter, "#!/no/such/shell\n").unwrap();
    let status = std::process::Command::new("chmod")
        .args(["755", no_interpreter.as_str()])
        .status();
    assert!(status.unwrap().success());

    let found = failure(&mut stack, "a.1", command(&["no-such-program"]));
    assert_eq!((found.stage.as_str(), found.errno), ("exec", Some(2)));
    assert!(
        found.message.contains("not found in PATH (/usr/bin:/bin)"),
        "{found}"
    );

    let found = failure(&mut stack, "b.1", command(&[script.as_str()]));
    assert_eq!((found.stage.as_str(), found.errno), ("exec", Some(13)));
    assert!(found.message.contains(script.as_str()), "{found}");

    let found = failure(&mut stack, "c.1", command(&[no_interpreter.as_str()]));
    assert!(found.message.contains("interpreter"), "{found}");

    let mut bad = command(&["true"]);
    bad.cwd = "/no/such/folder".into();
    let found = failure(&mut stack, "d.1", bad);
    assert_eq!(found.stage, "working folder");
    assert!(found.message.contains("/no/such/folder"), "{found}");

    let mut bad = command(&["true"]);
    bad.user = Some("nobody-of-this-name".into());
    let found = failure(&mut stack, "e.1", bad);
    assert_eq!(found.stage, "user lookup");
    assert!(found.message.contains("nobody-of-this-name"), "{found}");

    let found = failure(&mut stack, "f.1", command(&[]));
    assert_eq!(found.stage, "arguments");

    // What failed is over, and nothing runs.
    let listing = stack.list();
    assert_eq!(listing.instances.len(), 6);
    for found in listing.instances {
        assert!(matches!(found.phase, Phase::Failed { .. }), "{found:?}");
    }
    assert_eq!(stack.services(), [0; 0]);
}

#[test]
fn a_service_gets_what_was_asked_for() {
    let mut stack = Stack::new();
    let mut wanted = command(&[
        "sh",
        "-c",
        "echo $0 $1 $A ${FROM_UP-unset} $PWD $(umask) $(ulimit -n) $(ulimit -c); \
         ls -l /proc/self/fd | grep -c -- '->'; readlink /proc/self/fd/0; \
         echo to err >&2; echo ,$(ps -o sid=,pgid= -p $$) | tr -s ' ' ',' | sed \"s/$$/me/g\"",
        "zero",
        "one two",
    ]);
    wanted.env.push(("A".into(), "b c".into()));
    wanted.cwd = "/usr".into();
    wanted.umask = Some(0o27);
    wanted.limits = Limits {
        open_files: Some(99),
        core: Some(0),
        ..Limits::default()
    };
    stack.client.ask(spawn("a.1", 1, wanted.clone())).unwrap();
    assert_eq!(stack.exited("a.1"), Exit::Code(0));
    let mut lines = stack.lines("a.1");
    lines.sort();
    // Descriptors: the three, and the folder that `ls` reads.
    assert_eq!(
        lines,
        [
            "4",
            ",me,me",
            "/dev/null",
            "to err",
            "zero one two b c unset /usr 0027 99 0"
        ]
        .map(str::to_owned)
        .iter()
        .cloned()
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect::<Vec<_>>()
    );
    wanted.inherit_env = true;
    wanted.argv = ["sh", "-c", "echo ${FROM_UP-unset}"]
        .map(Into::into)
        .to_vec();
    stack.client.ask(spawn("b.1", 1, wanted)).unwrap();
    stack.exited("b.1");
    assert_eq!(stack.lines("b.1"), ["yes"]);
}

#[test]
fn another_user_is_become_by_root() {
    let mut stack = Stack::new();
    let mut wanted = command(&["sh", "-c", "echo $(id -un) $(id -G) $HOME"]);
    wanted.user = Some("nobody".into());
    if rustix::process::geteuid().is_root() {
        stack.client.ask(spawn("a.1", 1, wanted)).unwrap();
        stack.exited("a.1");
        assert_eq!(stack.lines("a.1"), ["nobody 65534 /nonexistent"]);
    } else {
        let user = rustix::process::geteuid().as_raw();
        if user != 65534 {
            assert_eq!(failure(&mut stack, "a.1", wanted).stage, "group");
        }
    }
}

#[test]
fn a_spawn_is_carried_out_once() {
    let mut stack = Stack::new();
    let request = spawn("a.1", 3, command(&["sleep", "1000"]));
    assert_eq!(stack.client.ask(request.clone()).unwrap(), Reply::Done);
    let pid = stack.spawned("a.1");
    assert_eq!(stack.client.ask(request).unwrap(), Reply::Known);
    // It is told of when it is born, and carries its mark when it has come to its program.
    eventually("it is the only one", || stack.services() == [pid]);

    let earlier = spawn("a.1", 2, command(&["sleep", "1000"]));
    let refusal = refused(stack.client.ask(earlier));
    assert!(matches!(refusal, Refusal::Superseded { generation: 3, .. }));
    let later = spawn("a.1", 4, command(&["sleep", "1000"]));
    let refusal = refused(stack.client.ask(later.clone()));
    assert!(matches!(refusal, Refusal::NotOver { generation: 3, .. }));

    stack.stop("a.1", 3, 1000);
    stack.stopped("a.1");
    // Known as long as its end is news, and then a mistake.
    let again = spawn("a.1", 3, command(&["sleep", "1000"]));
    assert_eq!(stack.client.ask(again.clone()).unwrap(), Reply::Known);
    let sequence = stack.list().sequence;
    stack.client.ask(Request::Ack { sequence }).unwrap();
    let refusal = refused(stack.client.ask(again));
    assert!(matches!(refusal, Refusal::Superseded { generation: 3, .. }));
    assert_eq!(stack.client.ask(later).unwrap(), Reply::Done);
    assert_ne!(stack.spawned("a.1"), pid);
    let refusal = refused(stack.client.ask(stop("a.1", 3, 0)));
    assert!(matches!(refusal, Refusal::NotFound { .. }));
}

#[test]
fn forget_is_for_what_is_over() {
    let mut stack = Stack::new();
    stack.spawn("a.1", 1, &["sleep", "1000"]);
    let forget = Request::Forget {
        instance: instance("a.1"),
        generation: 1,
    };
    assert!(matches!(
        refused(stack.client.ask(forget.clone())),
        Refusal::NotOver { .. }
    ));
    stack.stop("a.1", 1, 1000);
    stack.stopped("a.1");
    eventually("run.json", || {
        stack.layout().run_file(&instance("a.1")).exists()
    });
    stack.client.ask(forget).unwrap();
    assert!(stack.list().instances.is_empty());
    assert!(!stack.layout().run_file(&instance("a.1")).exists());
}

#[test]
fn the_environment_is_never_on_disk() {
    let mut stack = Stack::new();
    let mut wanted = command(&["true"]);
    wanted
        .env
        .push(("SECRET".into(), "hunter2-of-this-test".into()));
    stack.client.ask(spawn("a.1", 1, wanted)).unwrap();
    stack.exited("a.1");
    eventually("run.json", || {
        stack.layout().run_file(&instance("a.1")).exists()
    });
    let grep = std::process::Command::new("grep")
        .args(["-r", "hunter2-of-this-test", stack.dir().as_str()])
        .output()
        .unwrap();
    assert_eq!(grep.stdout, b"");
}
