//! `gantry attach`, by somebody at a terminal of their own.

use std::os::fd::{AsFd as _, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gantry_sys::{Terminal, WindowSize, set_window_size};
use gantry_test::{Process, Sandbox, wait_for, wait_until};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::Signal;
use rustix::termios::{LocalModes, Termios, tcgetattr};

use crate::support::{PATIENCE, pids};
use crate::survival::guard_and_keeper;

const FILE: &str = r#"
name = "rooms"
[services.console]
restart = { policy = "never" }
[services.console.process]
command = ["sh", "-c", "echo ready; while read word; do echo got $$word; stty size; test $$word != end || exit 7; done"]
tty = true
"#;

fn up() -> Sandbox {
    up_with(FILE)
}

fn up_with(file: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", file);
    sandbox.gantry(["up", "-d"]).expect(0);
    sandbox
}

/// Somebody who runs gantry in a terminal.
pub(crate) struct Desk {
    terminal: Terminal,
    before: Termios,
    gantry: Child,
    seen: String,
}

impl Desk {
    pub(crate) fn sit(sandbox: &Sandbox, words: &[&str]) -> Self {
        let size = WindowSize {
            rows: 30,
            columns: 90,
        };
        let terminal = Terminal::open(size).expect("a terminal");
        let before = tcgetattr(&terminal.slave).expect("a terminal");
        let wanted = sandbox.command(words);
        // With the terminal as the one that controls its session, as a shell's would be.
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait"]).arg(wanted.get_program());
        command.args(wanted.get_args());
        for (name, value) in wanted.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(folder) = wanted.get_current_dir() {
            command.current_dir(folder);
        }
        let end = || Stdio::from(terminal.slave.try_clone().expect("a descriptor"));
        command.stdin(end()).stdout(end()).stderr(end());
        Self {
            gantry: command.spawn().expect("setsid, of util-linux, runs"),
            before,
            terminal,
            seen: String::new(),
        }
    }

    /// Look on until this was shown.
    #[track_caller]
    pub(crate) fn sees(&mut self, text: &str) {
        let begin = Instant::now();
        while !self.seen.contains(text) {
            assert!(begin.elapsed() < PATIENCE, "no {text:?} in {:?}", self.seen);
            self.read();
        }
    }

    /// Types something each second until the answer is there: what leads to it may take a while of its own.
    pub(crate) fn asks(&mut self, question: &str, answer: &str) {
        let begin = Instant::now();
        while !self.seen.contains(answer) {
            assert!(
                begin.elapsed() < PATIENCE,
                "no {answer:?} in {:?}",
                self.seen
            );
            self.types(question);
            let asked = Instant::now();
            while asked.elapsed() < Duration::from_secs(1) && !self.seen.contains(answer) {
                self.read();
            }
        }
    }

    fn read(&mut self) {
        let mut polled = [PollFd::new(&self.terminal.master, PollFlags::IN)];
        let step = Timespec::try_from(Duration::from_millis(50)).expect("a short time");
        rustix::event::poll(&mut polled, Some(&step)).expect("a terminal can be waited for");
        let mut buffer = [0; 4096];
        if let Ok(length) = rustix::io::read(&self.terminal.master, &mut buffer) {
            self.seen
                .push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
    }

    pub(crate) fn types(&self, text: &str) {
        rustix::io::write(&self.terminal.master, text.as_bytes()).expect("it can be typed to");
    }

    /// It has another size from now on.
    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        let size = WindowSize { rows, columns };
        set_window_size(&self.terminal.master, size).expect("a size");
    }

    fn process(&self) -> Process {
        let pid = i32::try_from(self.gantry.id()).expect("a pid");
        Process::find(pid).expect("it runs")
    }

    /// Whether keys go to the program one by one.
    fn is_raw(&self) -> bool {
        let now = tcgetattr(&self.terminal.slave).expect("a terminal");
        !now.local_modes.contains(LocalModes::ICANON)
    }

    /// Its exit code, with the terminal as it was.
    #[track_caller]
    pub(crate) fn ends(&mut self) -> i32 {
        let code = wait_for(PATIENCE, "gantry ends", || {
            self.read();
            self.gantry.try_wait().expect("it is our child")
        });
        self.read();
        let now = tcgetattr(&self.terminal.slave).expect("a terminal");
        assert_eq!(now.local_modes, self.before.local_modes, "{:?}", self.seen);
        assert_eq!(now.input_modes, self.before.input_modes, "{:?}", self.seen);
        assert_eq!(
            now.output_modes, self.before.output_modes,
            "{:?}",
            self.seen
        );
        code.code().unwrap_or(-1)
    }
}

/// What was left of a desk whose test failed.
impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.gantry.kill();
        let _ = self.gantry.wait();
    }
}

#[test]
fn keys_go_in_and_output_comes_out_until_one_leaves() {
    let sandbox = up();
    let before = pids(&sandbox.status());
    let mut desk = Desk::sit(&sandbox, &["attach", "console"]);
    desk.sees("ready\r\n");
    assert!(desk.is_raw());
    desk.types("one\r");
    desk.sees("one\r\ngot one\r\n30 90\r\n");
    let size = WindowSize {
        rows: 41,
        columns: 101,
    };
    set_window_size(&desk.terminal.master, size).expect("another size");
    let begin = Instant::now();
    while !desk.seen.contains("41 101\r\n") {
        assert!(begin.elapsed() < PATIENCE, "{:?}", desk.seen);
        desk.types("size\r");
        desk.read();
    }
    desk.types("\x10\x11");
    assert_eq!(desk.ends(), 0);
    assert!(
        desk.seen.ends_with("left console.1; it goes on\r\n"),
        "{:?}",
        desk.seen
    );
    assert_eq!(pids(&sandbox.status()), before);

    // Who comes again sees what was last, and others beside them.
    let mut desk = Desk::sit(
        &sandbox,
        &["attach", "console/1", "--detach-keys", "ctrl-a,d"],
    );
    desk.sees("got one\r\n");
    let mut other = Desk::sit(&sandbox, &["attach", "--no-stdin", "console.1"]);
    other.sees("got one");
    assert!(!other.is_raw());
    desk.types("two\r");
    desk.sees("got two\r\n");
    other.sees("got two");
    desk.types("\x01d");
    assert_eq!(desk.ends(), 0);
    other.process().signal(Signal::INT);
    assert_eq!(other.ends(), 130);

    let lines = sandbox
        .gantry(["logs", "--raw", "console"])
        .expect(0)
        .stdout
        .clone();
    assert!(
        lines.starts_with("ready\none\ngot one\n30 90\n"),
        "{lines:?}"
    );
    assert!(!lines.contains('\r'), "{lines:?}");
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}

#[test]
fn the_end_of_the_service_is_the_end_of_all_visits() {
    let sandbox = up();
    let mut desks: Vec<Desk> = (0..3)
        .map(|_| Desk::sit(&sandbox, &["attach", "console"]))
        .collect();
    for desk in &mut desks {
        desk.sees("ready\r\n");
    }
    desks[1].types("end\r");
    for desk in &mut desks {
        assert_eq!(desk.ends(), 1);
        assert!(
            desk.seen
                .ends_with("got end\r\n30 90\r\nconsole.1 ended with exit code 7\r\n"),
            "{:?}",
            desk.seen
        );
    }
    let late = sandbox.gantry(["attach", "console"]);
    assert!(
        late.expect(1).stderr.contains("does not run"),
        "{}",
        late.stderr
    );
    sandbox.gantry(["down"]).expect(0);
}

#[test]
fn a_visit_outlives_supervisor_and_keeper() {
    let sandbox = up();
    let mut desk = Desk::sit(&sandbox, &["attach", "console"]);
    desk.sees("ready\r\n");
    let status = sandbox.status();
    let supervisor = status["supervisor"]["pid"].as_i64().expect("a supervisor");
    let supervisor = Process::find(i32::try_from(supervisor).expect("a pid")).expect("it runs");
    let (_, keeper) = guard_and_keeper(&sandbox);
    for (part, word) in [(supervisor, "before"), (keeper, "after")] {
        desk.types(&format!("{word}\r"));
        desk.sees(&format!("got {word}\r\n"));
        desk.seen.clear();
        part.kill();
        desk.sees("was replaced: joining console.1 again\r\n");
        desk.sees("[gantry] joined again");
    }
    desk.types("end\r");
    assert_eq!(desk.ends(), 1);
    assert!(
        desk.seen.ends_with("console.1 ended with exit code 7\r\n"),
        "{:?}",
        desk.seen
    );
    sandbox.gantry(["down"]).expect(0);
}

#[test]
fn whatever_ends_a_visit_the_terminal_is_as_before() {
    let sandbox = up();
    for signal in [Signal::TERM, Signal::HUP, Signal::QUIT, Signal::INT] {
        let mut desk = Desk::sit(&sandbox, &["attach", "console"]);
        desk.sees("ready\r\n");
        wait_until(
            PATIENCE,
            "keys go in one by one",
            || desk.is_raw(),
            |raw| *raw,
        );
        desk.process().signal(signal);
        assert_eq!(desk.ends(), 130, "{signal:?}");
    }
    // Stopped and continued, as from another shell.
    let mut desk = Desk::sit(&sandbox, &["attach", "console"]);
    desk.sees("ready\r\n");
    wait_until(
        PATIENCE,
        "keys go in one by one",
        || desk.is_raw(),
        |raw| *raw,
    );
    desk.process().signal(Signal::TSTP);
    wait_until(
        PATIENCE,
        "it is stopped",
        || desk.process().state,
        |state| *state == 'T',
    );
    assert!(!desk.is_raw());
    desk.process().signal(Signal::CONT);
    wait_until(
        PATIENCE,
        "keys go in one by one",
        || desk.is_raw(),
        |raw| *raw,
    );
    // The stack goes down under it.
    sandbox.gantry(["down"]).expect(0);
    assert_eq!(desk.ends(), 1);
    assert!(
        desk.seen.contains("console.1 killed by SIGTERM"),
        "{:?}",
        desk.seen
    );
}

#[test]
fn what_a_service_switched_on_is_switched_off() {
    let sandbox = up_with(
        "name = \"full\"\n[services.screen.process]\ntty = true\n\
         command = [\"sh\", \"-c\", \"printf '\\\\033[?1049h\\\\033[?25lfull'; exec sleep 1000\"]\n",
    );
    let mut desk = Desk::sit(&sandbox, &["attach", "screen"]);
    desk.sees("\x1b[?1049h\x1b[?25lfull");
    desk.types("\x10\x11");
    assert_eq!(desk.ends(), 0);
    let left = "\x1b[?1049l\x1b[?25h\r\nleft screen.1; it goes on\r\n";
    assert!(desk.seen.ends_with(left), "{:?}", desk.seen);
    sandbox.gantry(["down"]).expect(0);
}

#[test]
fn input_may_come_from_a_pipe() {
    let sandbox = up_with(&FILE.replace("stty size;", ""));
    let mut command = sandbox.command(["attach", "console"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut gantry = command.spawn().expect("gantry runs");
    let input: OwnedFd = gantry.stdin.take().expect("a pipe").into();
    let many: Vec<String> = (0..3000).map(|number| format!("line{number}")).collect();
    let text = many.join("\n") + "\nend\n";
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let length = rustix::io::write(input.as_fd(), rest).expect("it reads");
        rest = &rest[length..];
    }
    drop(input);
    let output = gantry.wait_with_output().expect("it ends");
    let shown = String::from_utf8_lossy(&output.stdout);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert_eq!(told, "console.1 ended with exit code 7\n");
    // Nothing of it was lost on the way to a service that reads slowly.
    for number in [0, 1, 1500, 2999] {
        assert!(shown.contains(&format!("got line{number}\r\n")), "{number}");
    }
    assert!(shown.contains("got end\r\n"));
    sandbox.gantry(["down"]).expect(0);
}
