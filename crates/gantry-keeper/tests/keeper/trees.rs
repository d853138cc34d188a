//! Whole trees: those who run away, those who cannot be killed, and those who are none of ours.

use std::fs;
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use gantry_keeper::protocol::{EventBody, Exit, Proof};

use crate::support::*;

/// The living processes with exactly this command line, words apart by blanks.
fn running(command: &str) -> Vec<u32> {
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| gantry_sys::cmdline(*pid) == command && alive(*pid))
        .collect()
}

/// A daemon as of old, with nothing about it that tells where it came from: `sleep SECONDS`.
fn daemon(seconds: &str) -> String {
    format!("env -i /usr/bin/setsid /bin/sh -c '/bin/sleep {seconds} >/dev/null 2>&1 &'")
}

#[test]
fn a_daemon_that_forgot_all_is_stopped_too() {
    for trees in Trees::all() {
        let mut stack = Stack::with(trees);
        let seconds = format!("7{}", stack.guard_pid());
        let sleeper = format!("/bin/sleep {seconds}");
        stack.shell(
            "a.1",
            1,
            &format!("{}; echo on; exec sleep 1000", daemon(&seconds)),
        );
        stack.printed("a.1", "on");
        eventually("the daemon runs", || running(&sleeper).len() == 1);
        stack.stop("a.1", 1, 300);
        let proof = stack.until(|body| match body {
            EventBody::Stopped { proof, .. } => Some(*proof),
            _ => None,
        });
        assert_eq!(running(&sleeper), [0; 0], "{trees:?}");
        let by_group = matches!(trees, Trees::Delegated) || stack.group().is_some();
        assert_eq!(proof == Proof::Cgroup, by_group, "{trees:?}: {proof:?}");
    }
}

#[test]
fn a_daemon_that_may_be_anothers_goes_with_the_last_of_them() {
    let mut stack = Stack::with(Trees::Lineage);
    let seconds = format!("8{}", stack.guard_pid());
    let sleeper = format!("/bin/sleep {seconds}");
    stack.spawn("b.1", 1, &["sleep", "1000"]);
    stack.spawned("b.1");
    stack.shell(
        "a.1",
        1,
        &format!("{}; echo on; exec sleep 1000", daemon(&seconds)),
    );
    stack.printed("a.1", "on");
    eventually("the daemon runs", || running(&sleeper).len() == 1);
    stack.stop("a.1", 1, 300);
    stack.stopped("a.1");
    assert_eq!(running(&sleeper).len(), 1, "it may be b's");
    stack.stop("b.1", 1, 300);
    stack.stopped("b.1");
    assert_eq!(running(&sleeper), [0; 0]);
}

#[test]
fn a_parent_that_waits_in_the_kernel_for_its_child_is_stopped() {
    // 58 is vfork: until the child runs another program or ends, its parent sleeps in the kernel.
    let script = "$SIG{TERM} = 'IGNORE'; $| = 1; print \"on\\n\"; syscall(58); sleep 1000;";
    if !cfg!(target_arch = "x86_64") || !std::path::Path::new("/usr/bin/perl").exists() {
        gantry_test::skip("a parent that waits in the kernel", "Perl on x86-64");
        return;
    }
    for trees in Trees::all() {
        let mut stack = Stack::with(trees);
        stack.spawn("a.1", 1, &["perl", "-e", script]);
        let pid = stack.spawned("a.1");
        eventually("the parent waits for its child", || {
            gantry_sys::stat(pid).is_some_and(|stat| stat.state == 'D')
                && stack.services().len() == 2
        });
        let begin = Instant::now();
        stack.stop("a.1", 1, 100);
        assert!(stack.stopped("a.1").1, "{trees:?}");
        assert!(begin.elapsed() < Duration::from_secs(2), "{trees:?}");
        assert_eq!(stack.services(), [0; 0], "{trees:?}");
    }
}

/// A freezer of version 1: what is in it waits in the kernel, and not even SIGKILL reaches it. It
/// stands for a disk or a server that does not answer.
struct Freezer(Utf8PathBuf);

impl Freezer {
    fn new() -> Option<Self> {
        let path = Utf8PathBuf::from(format!(
            "/sys/fs/cgroup/freezer/gantry-test-{}",
            std::process::id()
        ));
        fs::create_dir(&path).ok()?;
        path.join("freezer.state").exists().then_some(Self(path))
    }

    fn freeze(&self, pid: u32) {
        fs::write(self.0.join("cgroup.procs"), pid.to_string()).unwrap();
        fs::write(self.0.join("freezer.state"), "FROZEN").unwrap();
        eventually("it is frozen", || {
            gantry_sys::stat(pid).is_some_and(|stat| stat.state == 'D')
        });
    }

    fn thaw(&self) {
        fs::write(self.0.join("freezer.state"), "THAWED").unwrap();
    }
}

impl Drop for Freezer {
    fn drop(&mut self) {
        self.thaw();
        let deadline = Instant::now() + PATIENCE;
        while fs::remove_dir(&self.0).is_err() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn what_cannot_be_killed_is_named_and_waited_for() {
    let Some(freezer) = Freezer::new() else {
        gantry_test::skip("what cannot be killed", "root, and a freezer of version 1");
        return;
    };
    for trees in Trees::all() {
        let mut stack = Stack::with(trees);
        stack.spawn("a.1", 1, &["sleep", "1000"]);
        let pid = stack.spawned("a.1");
        freezer.freeze(pid);
        let begin = Instant::now();
        stack.stop("a.1", 1, 200);
        let left = stack.until(|body| match body {
            EventBody::StopResisted { left, .. } => Some(left.clone()),
            EventBody::Stopped { .. } => panic!("{trees:?}: it is frozen"),
            _ => None,
        });
        let took = begin.elapsed();
        assert!(took >= Duration::from_millis(250), "{took:?}");
        assert!(took < Duration::from_millis(1200), "{took:?}");
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!((left[0].pid, left[0].state), (pid, 'D'), "{left:?}");
        assert_eq!(left[0].command, "sleep 1000");
        freezer.thaw();
        assert!(stack.stopped("a.1").1, "{trees:?}");
        assert!(!alive(pid));
    }
}

#[test]
fn a_frozen_group_hears_its_stop() {
    let mut stack = Stack::new();
    let Some(group) = stack.group() else {
        gantry_test::skip("a frozen group", "cgroups of version 2");
        return;
    };
    stack.spawn("a.1", 1, &["sleep", "1000"]);
    stack.spawned("a.1");
    let frozen = group.join("a.1@1/cgroup.freeze");
    fs::write(&frozen, "1").unwrap();
    eventually("it is frozen", || {
        fs::read_to_string(group.join("a.1@1/cgroup.events"))
            .unwrap()
            .contains("frozen 1")
    });
    stack.stop("a.1", 1, 20_000);
    let terminated = Exit::Signal {
        signal: 15,
        core: false,
    };
    assert_eq!(stack.stopped("a.1"), (terminated, false));
}

#[test]
fn nobody_is_moved_and_what_was_made_is_removed() {
    let place = |pid: u32| fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let ours = place(std::process::id());
    let mut stack = Stack::new();
    let guard = place(stack.guard_pid());
    let mut stranger = std::process::Command::new("sleep")
        .arg("1000")
        .spawn()
        .unwrap();
    let theirs = place(stranger.id());
    stack.shell("a.1", 1, "sleep 1000 & sleep 1000");
    stack.spawned("a.1");
    stack.stop("a.1", 1, 100);
    stack.stopped("a.1");
    assert!(alive(stranger.id()));
    assert_eq!(place(stranger.id()), theirs);
    assert_eq!(place(std::process::id()), ours);
    assert_eq!(place(stack.guard_pid()), guard);
    if let Some(group) = stack.group() {
        assert!(group.exists() && !group.join("a.1@1").exists());
    }
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}
