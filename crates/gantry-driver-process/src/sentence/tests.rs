use super::*;

fn attempt(program: &str) -> Attempt {
    Attempt {
        program: program.into(),
        search_path: Some("/usr/bin:/bin".into()),
        folder: "/srv/x".into(),
        private_tmp: false,
    }
}

fn failure(stage: &str, errno: Errno) -> SpawnFailure {
    SpawnFailure {
        stage: stage.into(),
        errno: Some(errno.raw_os_error()),
        message: "the keeper's own words".into(),
        interrupted: false,
    }
}

#[test]
fn exits_say_how_and_after_how_long() {
    let ran = Some(Duration::from_millis(1234));
    assert_eq!(
        exit(&Exit::Code(3), ran, None),
        "exited with code 3 after 1.2 s"
    );
    let segv = Exit::Signal {
        signal: 11,
        core: true,
    };
    assert_eq!(
        exit(&segv, Some(Duration::from_millis(12)), None),
        "killed by SIGSEGV after 12 ms, core dumped"
    );
    let unknown = Exit::Unknown {
        reason: "guard and keeper were killed".into(),
    };
    assert_eq!(
        exit(&unknown, None, None),
        "ended, exit status unknown: guard and keeper were killed"
    );
}

#[test]
fn durations_are_short() {
    let text = |millis| duration(Duration::from_millis(millis));
    assert_eq!(duration(Duration::from_micros(850)), "850 µs");
    assert_eq!(text(999), "999 ms");
    assert_eq!(text(1960), "1.9 s");
    assert_eq!(text(185_000), "3 min 5 s");
    assert_eq!(text(7_440_000), "2 h 4 min");
}

#[test]
fn a_failed_start_names_what_was_looked_for_and_where() {
    let reason = |stage: &str, errno, program: &str| {
        start_failure(&failure(stage, errno), Some(&attempt(program)))
            .reason
            .to_string()
    };
    assert_eq!(
        reason("exec", Errno::NOENT, "foo"),
        "failed to start: program `foo` was not found in PATH (/usr/bin:/bin)"
    );
    assert_eq!(
        reason("exec", Errno::NOENT, "bin/foo"),
        "failed to start: program bin/foo does not exist, seen from /srv/x"
    );
    assert_eq!(
        reason("exec", Errno::ACCESS, "/bin/foo"),
        "failed to start: program /bin/foo may not be executed"
    );
    assert_eq!(
        reason("working folder", Errno::NOENT, "foo"),
        "failed to start: cannot change to folder /srv/x: no such file or directory"
    );
    assert_eq!(
        reason("user", Errno::PERM, "foo"),
        "failed to start: the keeper's own words"
    );
}

#[test]
fn a_folder_that_another_tmp_lies_over_is_said_to_be_hidden() {
    let reason = |folder: &str| {
        let attempt = Attempt {
            folder: folder.into(),
            private_tmp: true,
            ..attempt("foo")
        };
        start_failure(&failure("working folder", Errno::NOENT), Some(&attempt))
            .reason
            .to_string()
    };
    assert!(reason("/tmp/work").contains("`private-tmp` hides the folder /tmp/work"));
    assert!(reason("/tmpfiles").contains("cannot change to folder"));
}

#[test]
fn what_the_machine_lacks_is_said_as_that() {
    let reason = |stage: &str, errno| {
        start_failure(&failure(stage, errno), Some(&attempt("foo")))
            .reason
            .to_string()
    };
    assert!(reason("preparation", Errno::MFILE).contains("`ulimit -n`"));
    assert!(reason("fork", Errno::AGAIN).contains("`ulimit -u`"));
    assert!(reason("terminal", Errno::NOSPC).contains("no terminal left"));
    assert!(reason("exec", Errno::NOMEM).contains("no memory left"));
    assert_eq!(
        reason("user", Errno::AGAIN),
        "failed to start: the keeper's own words"
    );
}

#[test]
fn only_what_may_pass_is_worth_another_try() {
    let kind = |errno| start_failure(&failure("exec", errno), None).kind;
    assert_eq!(kind(Errno::NOENT), FailureKind::Permanent);
    assert_eq!(kind(Errno::AGAIN), FailureKind::Transient);
    assert_eq!(kind(Errno::MFILE), FailureKind::Transient);
}

#[test]
fn what_resists_is_named() {
    let process = |pid, state| LeftProcess {
        pid,
        command: "dd if=/dev/x".into(),
        state,
    };
    assert_eq!(left(&[]), None);
    assert_eq!(
        left(&[process(7, 'S')]).unwrap(),
        "1 process is still alive: 7 `dd if=/dev/x`"
    );
    assert_eq!(
        left(&[process(7, 'S'), process(8, 'D')]).unwrap(),
        "2 processes are still alive: 7 `dd if=/dev/x`, 8 `dd if=/dev/x` (waits in the kernel, \
         cannot be killed now)"
    );
}

#[test]
fn want_of_memory_is_called_so() {
    let killed = Exit::Signal {
        signal: 9,
        core: false,
    };
    let oom = |killed, limit| Some(OutOfMemory { killed, limit });
    let ran = Some(Duration::from_secs(3));
    assert_eq!(
        exit(&killed, ran, oom(1, Some(64 << 20)).as_ref()),
        "killed for want of memory (limit 64MiB) after 3.0 s"
    );
    assert_eq!(
        exit(&killed, None, oom(1, None).as_ref()),
        "killed for want of memory (the machine's)"
    );
    assert_eq!(
        exit(&Exit::Code(2), ran, oom(2, Some(1500)).as_ref()),
        "exited with code 2 after 3.0 s; 2 processes of it were killed for want of memory (limit 1500B)"
    );
}

#[test]
fn want_of_memory_is_an_end_of_its_own() {
    let killed = Exit::Signal {
        signal: 9,
        core: false,
    };
    let oom = OutOfMemory {
        killed: 1,
        limit: Some(64 << 20),
    };
    let sentence = |exit: &Exit| status(exit, Some(&oom)).sentence();
    assert_eq!(sentence(&killed), "killed for want of memory (limit 64MiB)");
    assert_eq!(
        sentence(&Exit::Code(2)),
        "ended with exit code 2: a part of it was killed for want of memory (limit 64MiB)"
    );
    assert!(status(&Exit::Code(0), Some(&oom)).success());
}
