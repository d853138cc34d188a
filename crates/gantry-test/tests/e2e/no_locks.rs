//! A home on a file system without locks, as some network file systems are: nothing is kept there.

use std::fs;
use std::process::Command;

use gantry_test::{Run, Sandbox, skip};

use crate::support::sleepers;

/// Runs what follows under a filter of system calls that lets `flock` fail with the number that comes
/// first, as the kernel does it where the file system has no locks.
const WITHOUT_LOCKS: &str = r"
import ctypes, os, platform, struct, sys
errno, command = int(sys.argv[1]), sys.argv[2:]
number = {'x86_64': 73, 'aarch64': 32}[platform.machine()]
code = [
    struct.pack('HBBI', 0x20, 0, 0, 0),                    # the number of the call
    struct.pack('HBBI', 0x15, 0, 1, number),               # is it flock?
    struct.pack('HBBI', 0x06, 0, 0, 0x00050000 | errno),   # then this errno
    struct.pack('HBBI', 0x06, 0, 0, 0x7fff0000),           # else go on
]
filters = ctypes.create_string_buffer(b''.join(code))
program = struct.pack('HxxxxxxP', len(code), ctypes.addressof(filters))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.c_char_p(program), 0, 0) == 0, os.strerror(ctypes.get_errno())
os.execv(command[0], command)
";

fn without_locks(sandbox: &Sandbox, errno: i32, words: &[&str]) -> Run {
    let inner = sandbox.command(words);
    let mut command = Command::new("python3");
    command.args(["-c", WITHOUT_LOCKS, &errno.to_string()]);
    command.arg(inner.get_program()).args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.current_dir(inner.get_current_dir().expect("a folder"));
    gantry_test::output(&mut command).into()
}

#[test]
fn a_home_without_locks_is_refused() {
    if Command::new("python3").arg("--version").output().is_err() {
        skip("a_home_without_locks_is_refused", "python3");
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", &sleepers(2));
    let home = sandbox.home().to_string_lossy().into_owned();
    // No locks available; not supported; not implemented: each file system has its own word.
    for errno in [37, 95, 38] {
        let up = without_locks(&sandbox, errno, &["up", "-d"]);
        up.expect(3);
        let told = up.stderr.replace(&home, "HOME");
        let folder = told.split_once("HOME/stacks/sleepers-").expect(&told).1;
        let told = told.replace(folder.split(':').next().unwrap_or_default(), "HASH");
        assert_eq!(
            told,
            "error: cannot keep a stack in HOME/stacks/sleepers-HASH: its file system has no locks, \
             and without them two supervisors could keep one stack\n\
             hint: set GANTRY_HOME to a folder on a local disk\n"
        );
        assert_eq!(sandbox.processes(), []);
        let status = without_locks(&sandbox, errno, &["status"]);
        status.expect(0);
        without_locks(&sandbox, errno, &["down"]).expect(0);
    }
    let json = without_locks(&sandbox, 37, &["up", "-d", "-o", "json"]);
    let error = &json.expect(3).json()["errors"][0];
    assert_eq!(error["hint"], "set GANTRY_HOME to a folder on a local disk");
    // Asking needs no lock: a stack whose guard has them is seen and taken down by anyone.
    sandbox.gantry(["up", "-d"]).expect(0);
    without_locks(&sandbox, 37, &["up", "-d"]).expect(0);
    without_locks(&sandbox, 37, &["down"]).expect(0);
    sandbox.expect_nothing_left();
    let log = fs::read_dir(sandbox.home().join("stacks"))
        .expect("stacks")
        .flatten()
        .next()
        .expect("a stack")
        .path()
        .join("guard.log");
    let log = fs::read_to_string(log).expect("a log");
    assert!(log.contains("No locks available"), "{log}");
}
