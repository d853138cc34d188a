use std::os::fd::AsFd;

use super::*;
use crate::slots::LANES;
use crate::wait::{Ended, wait_for};

/// What is to be started, with nothing but what each start must have.
fn plain<R>(
    argv: &[&str],
    env: &[(String, String)],
    cwd: &str,
    then: impl FnOnce(Spawn<'_>) -> R,
) -> R {
    let null = std::fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/null")
        .unwrap();
    let argv: Vec<CString> = argv
        .iter()
        .map(|text| CString::new(*text).unwrap())
        .collect();
    let env = Environment::of(env).unwrap();
    then(Spawn {
        programs: &candidates(&argv[0], Some(b"/usr/bin:/bin")),
        argv: &argv,
        env: &Environment::empty().below(&env),
        cwd: &CString::new(cwd).unwrap(),
        credentials: None,
        umask: None,
        limits: &[],
        open_files: None,
        nice: None,
        scheduling: None,
        sandbox: None,
        join: &[],
        oom_score: None,
        stdio: Stdio {
            input: null.as_fd(),
            output: null.as_fd(),
            error: null.as_fd(),
        },
        terminal: false,
        passed: &[],
        own_pid: &[],
        cgroup: None,
        witness: None,
    })
}

fn run(argv: &[&str], cwd: &str, change: impl FnOnce(&mut Spawn<'_>)) -> Result<Ended, SpawnError> {
    let env = [("PATH".into(), "/usr/bin:/bin".into())];
    plain(argv, &env, cwd, |mut spawn| {
        change(&mut spawn);
        let process = Spawner::new(1).unwrap().spawn(None, &spawn)?;
        assert_eq!(Some(process.start_time), crate::start_time(process.pid));
        Ok(wait_for(process.pid).unwrap().unwrap().ended)
    })
}

#[test]
fn a_program_runs_and_its_code_comes_back() {
    assert_eq!(
        run(&["sh", "-c", "exit 7"], "/", |_| ()),
        Ok(Ended::Code(7))
    );
    assert_eq!(
        run(&["sh", "-c", "kill -9 $$"], "/", |_| ()),
        Ok(Ended::Signal {
            signal: 9,
            core: false
        })
    );
}

#[test]
fn each_step_that_fails_is_named() {
    let failed = |argv: &[&str], cwd: &str| {
        let error = run(argv, cwd, |_| ()).unwrap_err();
        (error.stage, error.errno, error.message)
    };
    let (stage, errno, message) = failed(&["no-such-program"], "/");
    assert_eq!((stage, errno), (Stage::Exec, libc::ENOENT));
    assert!(
        message.contains("not found in PATH (/usr/bin:/bin)"),
        "{message}"
    );
    let (stage, errno, _) = failed(&["/etc/passwd"], "/");
    assert_eq!((stage, errno), (Stage::Exec, libc::EACCES));
    let (stage, errno, message) = failed(&["true"], "/no/such/folder");
    assert_eq!((stage, errno), (Stage::WorkingFolder, libc::ENOENT));
    assert!(message.contains("/no/such/folder"), "{message}");
}

#[test]
fn settings_arrive() {
    let script = "test $(umask) = 0027 && test $(ulimit -n) = 77 && test $(nice) = 5 && test $PWD = /tmp \
                  && test $(ps -o sid= -p $$) -eq $$ && test $(cat /proc/self/oom_score_adj) = 300 \
                  && ! grep -q '^SigIgn:.*[1-9a-f]' /proc/self/status \
                  && ! grep -q '^SigBlk:.*[1-9a-f]' /proc/self/status";
    let ended = run(&["sh", "-c", script], "/tmp", |spawn| {
        spawn.umask = Some(0o027);
        spawn.limits = &[RLimit::OpenFiles(77)];
        spawn.nice = Some(5);
        spawn.oom_score = Some(300);
    });
    assert_eq!(ended, Ok(Ended::Code(0)));
}

#[test]
fn another_user_is_for_root_only() {
    static NOBODY: std::sync::LazyLock<Credentials> = std::sync::LazyLock::new(|| Credentials {
        uid: 65534,
        gid: 65534,
        groups: vec![65534],
        account: None,
    });
    let ended = run(
        &["sh", "-c", "test $(id -u):$(id -G) = 65534:65534"],
        "/",
        |spawn| {
            spawn.credentials = Some(&NOBODY);
        },
    );
    let root = rustix::process::geteuid().is_root();
    match ended {
        Ok(ended) => assert_eq!(ended, Ended::Code(0)),
        Err(error) => assert!(!root && error.stage == Stage::Group, "{error}"),
    }
}

/// None, and a line that says so, where the kernel gives us no control groups.
#[expect(clippy::print_stderr, reason = "a test says what it could not do")]
fn groups(name: &str) -> Option<crate::CgroupRoot> {
    let root = crate::CgroupRoot::open(name);
    if root.is_err() {
        eprintln!("skipped: needs control groups of version 2 that this process may make");
    }
    root.ok()
}

#[test]
fn a_child_is_born_into_its_group() {
    let name = format!("gantry-test-{}", std::process::id());
    let Some(root) = groups(&name) else {
        return;
    };
    let group = root.group("one").unwrap();
    let fd: &'static _ = Box::leak(Box::new(group.open().unwrap()));
    let script = format!("grep -q '^0::.*{name}/one$' /proc/self/cgroup");
    let ended = run(&["sh", "-c", &script], "/", |spawn| {
        spawn.cgroup = Some(fd.as_fd());
    });
    group.remove();
    root.remove();
    assert_eq!(ended, Ok(Ended::Code(0)));
    assert!(!root.path().exists());
}

#[test]
fn the_witness_is_told_of_birth_and_failure() {
    let words = crate::SharedWords::new(2).unwrap();
    let told = |word: usize| words.words()[word].swap(0, std::sync::atomic::Ordering::SeqCst);
    let with = |spawn: &mut Spawn<'_>| spawn.witness = Some(words.witness(0, 1));
    run(&["true"], "/", with).unwrap();
    assert!(told(0) > 1);
    assert_eq!(told(1), 0);
    run(&["no-such-program"], "/", with).unwrap_err();
    assert!(told(0) > 1);
    assert_eq!(Stage::unpack(told(1)), Some((Stage::Exec, libc::ENOENT)));
}

#[test]
fn descriptors_get_the_numbers_that_were_promised() {
    // Numbers that are each other's, or the spawner's own, must not be mixed up on the way.
    let files: Vec<std::io::PipeReader> = ["a", "b", "c"]
        .iter()
        .map(|text| {
            let (read, mut write) = std::io::pipe().unwrap();
            std::io::Write::write_all(&mut write, text.as_bytes()).unwrap();
            read
        })
        .collect();
    let numbers: Vec<i32> = files.iter().map(AsRawFd::as_raw_fd).collect();
    // Other tests open and close files meanwhile: any number may have been free.
    let third = (3..64).find(|number| !numbers.contains(number)).unwrap();
    let files: &'static [std::io::PipeReader] = Box::leak(files.into_boxed_slice());
    let passed = |file: usize, number| Passed {
        fd: files[file].as_fd(),
        number,
    };
    let crossed: &'static [Passed<'_>] = Box::leak(Box::new([
        passed(0, numbers[1]),
        passed(1, numbers[0]),
        passed(2, third),
    ]));
    let script = format!(
        "test $(cat <&{}) = a && test $(cat <&{}) = b && test $(cat <&{third}) = c && test $ME = $$ && test $YOU = $$",
        numbers[1], numbers[0]
    );
    let ended = run(&["bash", "-c", &script], "/", |spawn| {
        spawn.passed = crossed;
        spawn.own_pid = &["ME", "YOU"];
    });
    assert_eq!(ended, Ok(Ended::Code(0)));
}

#[test]
fn a_terminal_controls_the_session() {
    use crate::terminal::{Terminal, WindowSize, set_window_size, window_size};
    let size = WindowSize {
        rows: 33,
        columns: 99,
    };
    let terminal: &'static Terminal = Box::leak(Box::new(Terminal::open(size).unwrap()));
    assert_eq!(window_size(&terminal.master).unwrap(), size);
    let script = "test -t 0 && test -t 1 && test -t 2 && test \"$(stty size < /dev/tty)\" = '33 99' \
                  && test $(ps -o tpgid= -p $$) -eq $$";
    let given = terminal.slave.as_fd();
    let with_it = |spawn: &mut Spawn<'_>| {
        spawn.stdio = Stdio {
            input: given,
            output: given,
            error: given,
        };
        spawn.terminal = true;
    };
    assert_eq!(run(&["sh", "-c", script], "/", with_it), Ok(Ended::Code(0)));
    // Nobody listens to what is not a terminal.
    let error = run(&["true"], "/", |spawn| spawn.terminal = true).unwrap_err();
    assert_eq!((error.stage, error.errno), (Stage::Terminal, libc::ENOTTY));
    let told = "trap 'stty size; exit 3' WINCH; echo ready; while :; do read line; done";
    let waiting = std::thread::scope(|scope| {
        let ended = scope.spawn(|| run(&["sh", "-c", told], "/", with_it));
        let mut seen = Vec::new();
        let mut until = |wanted: &str| {
            while !String::from_utf8_lossy(&seen).contains(wanted) {
                let mut polled = [rustix::event::PollFd::new(
                    &terminal.master,
                    rustix::event::PollFlags::IN,
                )];
                rustix::event::poll(&mut polled, None).unwrap();
                let mut buffer = [0; 100];
                let length = rustix::io::read(&terminal.master, &mut buffer).unwrap();
                seen.extend_from_slice(&buffer[..length]);
            }
        };
        until("ready");
        set_window_size(&terminal.master, WindowSize::USUAL).unwrap();
        // A shell that reads hears of a signal with the next line.
        rustix::io::write(&terminal.master, b"\n").unwrap();
        until("24 80");
        ended.join().unwrap()
    });
    assert_eq!(waiting, Ok(Ended::Code(3)));
}

/// Each child finds its own plan, whatever its neighbours do, and one that fails says so of itself.
#[test]
fn several_are_on_their_way_at_once() {
    let mut spawner = Spawner::new(LANES).unwrap();
    for round in 0..50 {
        let mut begun = Vec::new();
        for number in 0..LANES {
            let code = round + i32::try_from(number).unwrap();
            let program = if number == 1 { "no-such-program" } else { "sh" };
            let env = [("CODE".into(), code.to_string())];
            assert_eq!(spawner.free_lane(), Some(number));
            // Everything that it was made of is gone when it is finished.
            let birth = plain(&[program, "-c", "exit $CODE"], &env, "/", |spawn| {
                spawner.begin(None, &spawn).unwrap()
            });
            begun.push((code, birth));
        }
        assert_eq!(spawner.free_lane(), None);
        spawner.wait_any();
        assert!(begun.iter().any(|(_, birth)| spawner.is_through(birth)));
        for (number, (code, birth)) in begun.into_iter().enumerate() {
            let born = spawner.finish(None, birth);
            if number == 1 {
                let error = born.unwrap_err();
                assert_eq!((error.stage, error.errno), (Stage::Exec, libc::ENOENT));
            } else {
                let born = born.unwrap();
                assert_eq!(Some(born.start_time), crate::start_time(born.pid));
                let ended = wait_for(born.pid).unwrap().unwrap().ended;
                assert_eq!(ended, Ended::Code(code));
            }
        }
    }
}

/// One cannot go on to its program, since its group is frozen: the others do, and their lane is free again.
#[test]
fn one_that_is_held_up_holds_up_no_other() {
    let name = format!("gantry-held-{}", std::process::id());
    let Some(root) = groups(&name) else {
        return;
    };
    let group = root.group("one").unwrap();
    std::fs::write(group.path().join("cgroup.freeze"), "1").unwrap();
    let held_in: &'static _ = Box::leak(Box::new(group.open().unwrap()));
    let mut spawner = Spawner::new(2).unwrap();
    let held = plain(&["true"], &[], "/", |mut spawn| {
        spawn.cgroup = Some(held_in.as_fd());
        spawner.begin(None, &spawn).unwrap()
    });
    for code in 1..=5 {
        let script = format!("exit {code}");
        let birth = plain(&["sh", "-c", &script], &[], "/", |spawn| {
            spawner.begin(None, &spawn).unwrap()
        });
        assert_eq!(spawner.free_lane(), None);
        spawner.wait_any();
        assert!(spawner.is_through(&birth) && !spawner.is_through(&held));
        let process = spawner.finish(None, birth).unwrap();
        let ended = wait_for(process.pid).unwrap().unwrap().ended;
        assert_eq!(ended, Ended::Code(code));
    }
    group.thaw();
    let process = spawner.finish(None, held).unwrap();
    let ended = wait_for(process.pid).unwrap().unwrap().ended;
    group.remove();
    root.remove();
    assert_eq!(ended, Ended::Code(0));
}
