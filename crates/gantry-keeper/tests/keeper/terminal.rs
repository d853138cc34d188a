//! Services with a terminal.

use std::time::Instant;

use gantry_keeper::client::Client;
use gantry_keeper::protocol::{
    Bytes, Command, Exit, Message, Phase, Refusal, Reply, Request, Role, Size,
};

use crate::support::*;

impl Stack {
    /// Start this in a terminal.
    fn shell_in_terminal(&mut self, name: &str, generation: u32, script: &str) {
        let command = Command {
            terminal: true,
            ..command(&["sh", "-c", script])
        };
        self.client.ask(spawn(name, generation, command)).unwrap();
    }

    /// How many ends of terminals guard and keeper have open.
    fn terminals(&self) -> usize {
        let fds = std::fs::read_dir(format!("/proc/{}/fd", self.guard_pid())).unwrap();
        let targets = fds.filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok());
        targets
            .filter(|target| {
                let target = target.to_string_lossy();
                target.contains("ptmx") || target.starts_with("/dev/pts/")
            })
            .count()
    }

    fn phase(&mut self, name: &str) -> Phase {
        let listing = self.list();
        let found = listing
            .instances
            .into_iter()
            .find(|state| state.instance.as_str() == name);
        found.expect("it is known").phase
    }
}

#[test]
fn a_terminal_is_all_three_streams_and_controls_the_session() {
    let mut stack = Stack::new();
    let before = stack.terminals();
    let script = "test -t 0 && test -t 1 && test -t 2 && stty size < /dev/tty && echo $TERM; \
                  echo error >&2; ps -o tpgid= -p $$ | grep -q $$ && printf 'bare\\rhalf'";
    stack.shell_in_terminal("a.1", 1, script);
    assert_eq!(stack.exited("a.1"), Exit::Code(0));
    // Without the carriage returns that end lines on a terminal.
    assert_eq!(
        stack.lines("a.1"),
        ["24 80", "xterm", "error", "bare\rhalf"]
    );
    eventually("nothing of it is left", || {
        matches!(
            stack.phase("a.1"),
            Phase::Exited {
                tree_empty: true,
                ..
            }
        )
    });
    eventually("its terminal is closed", || stack.terminals() <= before);
}

#[test]
fn a_terminal_stays_as_long_as_something_of_the_tree_lives() {
    let mut stack = Stack::new();
    // A test beside this one may have left it some of its own.
    let before = stack.terminals();
    // Nobody of it has the terminal open for a while, and then one opens it again.
    let script = "tty=$(tty); echo begun; (trap '' HUP; exec setsid sh -c \
                  \"exec >&- 2>&- <&-; while ! test -f $0; do sleep 0.02; done; exec >$tty; echo late; sleep 1000\") & \
                  sleep 0.2";
    let go = path(&stack, "go");
    let script = script.replace("$0", go.as_str());
    stack.shell_in_terminal("a.1", 1, &script);
    stack.exited("a.1");
    assert_eq!(stack.lines("a.1"), ["begun"]);
    std::fs::write(go, "").unwrap();
    stack.printed("a.1", "late");
    stack.stop("a.1", 1, 5000);
    stack.stopped("a.1");
    eventually("its terminal is closed", || stack.terminals() <= before);
}

#[test]
fn a_terminal_outlives_keeper_and_guard() {
    let mut stack = Stack::new();
    let go = path(&stack, "go");
    let script =
        format!("printf 'begun, '; while ! test -f {go}; do sleep 0.02; done; echo ended; tty");
    stack.shell_in_terminal("a.1", 1, &script);
    stack.lose_guard();
    let keeper = stack.client.welcome().keeper_pid;
    kill(keeper);
    stack.reconnect_after(keeper);
    std::fs::write(go, "").unwrap();
    assert_eq!(stack.exited("a.1"), Exit::Code(0));
    let lines = stack.lines("a.1");
    assert_eq!(lines[0], "begun, ended");
    assert!(lines[1].starts_with("/dev/pts/"), "{lines:?}");
}

#[test]
fn a_terminal_is_hung_up_when_guard_and_keeper_are_both_killed() {
    let mut stack = Stack::new();
    let hup = path(&stack, "hup");
    let script = |then: &str| {
        format!("trap 'touch {hup}; {then}' HUP; echo ready; while :; do sleep 0.02; done")
    };
    stack.shell_in_terminal("ends.1", 1, &script("exit 3"));
    stack.shell_in_terminal(
        "stays.1",
        1,
        &script(":").replace(hup.as_str(), &format!("{hup}2")),
    );
    stack.printed("ends.1", "ready");
    stack.printed("stays.1", "ready");
    stack.lose_guard_and_keeper();
    eventually("both are told", || {
        hup.exists() && std::path::Path::new(&format!("{hup}2")).exists()
    });
    stack.new_guard();
    let gap = |stack: &Stack, name: &str| {
        let folder = gantry_log::LogFolder::new(stack.layout().log(&instance(name)));
        let lines = folder.read(&gantry_log::Query::default()).unwrap();
        lines.last().map(|line| line.text().into_owned()).unwrap()
    };
    let said = gap(&stack, "stays.1");
    assert!(said.contains("its terminal is gone"), "{said}");
    let mut client = Client::open(stack.dir(), Role::Terminal, 0).unwrap();
    let refusal = refused(client.ask(Request::Attach {
        instance: instance("stays.1"),
        generation: 1,
        size: None,
        recent: true,
    }));
    assert!(
        refusal.to_string().contains("its next start has one"),
        "{refusal}"
    );
    let said = gap(&stack, "ends.1");
    assert!(said.contains("what it printed last is lost"), "{said}");
    stack.stop("stays.1", 1, 100);
    stack.stopped("stays.1");
}

/// Somebody at a terminal.
struct Seat {
    client: Client,
    seen: String,
}

impl Seat {
    fn take(stack: &Stack, name: &str, generation: u32, recent: bool) -> Self {
        let mut client = Client::open(stack.dir(), Role::Terminal, 0).unwrap();
        let attach = Request::Attach {
            instance: instance(name),
            generation,
            size: None,
            recent,
        };
        assert_eq!(client.ask(attach).unwrap(), Reply::Done);
        Self {
            client,
            seen: String::new(),
        }
    }

    fn types(&mut self, text: &str) {
        let bytes = Bytes(text.as_bytes().to_vec());
        assert_eq!(
            self.client.ask(Request::Input { bytes }).unwrap(),
            Reply::Done
        );
    }

    fn resizes(&mut self, rows: u16, columns: u16) {
        let size = Size { rows, columns };
        assert_eq!(
            self.client.ask(Request::Resize { size }).unwrap(),
            Reply::Done
        );
    }

    fn next(&mut self) -> Message {
        let message = self.client.shown(Instant::now() + PATIENCE).unwrap();
        if let Message::Output { bytes } = &message {
            self.seen.push_str(&String::from_utf8_lossy(&bytes.0));
        }
        message
    }

    /// Look on until this was shown.
    fn sees(&mut self, text: &str) {
        while !self.seen.contains(text) {
            let message = self.next();
            assert!(
                matches!(message, Message::Output { .. }),
                "{message:?} before {text:?}"
            );
        }
    }

    fn ends(&mut self) -> Exit {
        loop {
            if let Message::Ended { exit } = self.next() {
                return exit;
            }
        }
    }
}

#[test]
fn all_at_a_terminal_see_and_type_until_its_program_ends() {
    let mut stack = Stack::new();
    stack.shell_in_terminal(
        "a.1",
        1,
        "echo begun; while read word; do echo got $word; \
                                       test $word = end && exit 7; stty size; done",
    );
    stack.printed("a.1", "begun");
    let mut first = Seat::take(&stack, "a.1", 1, true);
    first.sees("begun\r\n");
    let mut second = Seat::take(&stack, "a.1", 1, false);
    first.resizes(40, 100);
    // What is typed shows too, as on any terminal.
    second.types("one\n");
    for seat in [&mut first, &mut second] {
        seat.sees("one\r\ngot one\r\n40 100\r\n");
    }
    assert!(!second.seen.contains("begun"));
    let mut third = Seat::take(&stack, "a.1", 1, true);
    third.sees("begun\r\none\r\ngot one\r\n40 100\r\n");
    drop(second);
    first.types("end\n");
    assert_eq!(first.ends(), Exit::Code(7));
    assert_eq!(third.ends(), Exit::Code(7));
    assert!(third.seen.ends_with("got end\r\n"), "{:?}", third.seen);
    assert_eq!(
        stack.lines("a.1"),
        ["begun", "one", "got one", "40 100", "end", "got end"]
    );
}

#[test]
fn who_joins_after_a_keeper_was_killed_sees_the_end_of_the_log() {
    let mut stack = Stack::new();
    stack.shell_in_terminal(
        "a.1",
        1,
        "seq 3; printf 'your name? '; read name; echo hello $name",
    );
    stack.printed("a.1", "your name? ");
    let mut seat = Seat::take(&stack, "a.1", 1, true);
    seat.sees("1\r\n2\r\n3\r\nyour name? ");
    let keeper = stack.client.welcome().keeper_pid;
    kill(keeper);
    stack.reconnect_after(keeper);
    let mut seat = Seat::take(&stack, "a.1", 1, true);
    seat.sees("1\r\n2\r\n3\r\nyour name? ");
    seat.types("ada\n");
    assert_eq!(seat.ends(), Exit::Code(0));
    assert_eq!(seat.seen, "1\r\n2\r\n3\r\nyour name? ada\r\nhello ada\r\n");
}

#[test]
fn a_return_without_a_newline_is_shown_at_once() {
    let mut stack = Stack::new();
    stack.shell_in_terminal("a.1", 1, "printf '50%%\\r'; read go; echo '100%'");
    stack.printed("a.1", "50%");
    let mut seat = Seat::take(&stack, "a.1", 1, true);
    seat.sees("50%\r");
    seat.types("\n");
    seat.ends();
    assert_eq!(seat.seen, "50%\r\r\n100%\r\n");
    assert_eq!(stack.lines("a.1"), ["50%", "100%"]);
}

#[test]
fn who_does_not_look_holds_nobody_back_and_is_told_how_much_was_missed() {
    let mut stack = Stack::new();
    stack.shell_in_terminal("a.1", 1, "read go; seq 400000; echo done; read end");
    let mut seat = Seat::take(&stack, "a.1", 1, false);
    seat.types("\n");
    stack.printed("a.1", "done");
    let mut skipped = None;
    for _ in 0..10_000 {
        // Only something new tells that something was left out.
        let bytes = Bytes(b"x".to_vec());
        seat.client.tell([Request::Input { bytes }]).unwrap();
        if let Message::Skipped { bytes } = seat.next() {
            skipped = Some(bytes);
            break;
        }
    }
    let raw = (1..=400_000).map(|line: u32| line.to_string().len() + 2);
    let raw = raw.sum::<usize>() + "\r\ndone\r\n".len();
    let all = seat.seen.len() as u64 + skipped.expect("something was left out");
    // And what was typed since.
    let typed = all - raw as u64;
    assert!(typed <= 10_000, "{typed}");
}

#[test]
fn a_terminal_is_joined_only_where_there_is_one() {
    let mut stack = Stack::new();
    stack.spawn("plain.1", 1, &["sleep", "1000"]);
    stack.shell_in_terminal("over.1", 1, "true");
    stack.exited("over.1");
    let mut client = Client::open(stack.dir(), Role::Terminal, 0).unwrap();
    let mut attach = |name: &str, generation| {
        refused(client.ask(Request::Attach {
            instance: instance(name),
            generation,
            size: None,
            recent: true,
        }))
        .to_string()
    };
    assert_eq!(attach("plain.1", 1), "plain.1 has no terminal");
    assert_eq!(
        attach("over.1", 1),
        "the keeper does not know a living process of over.1"
    );
    assert_eq!(
        attach("plain.1", 2),
        "the keeper does not know plain.1 generation 2"
    );
    assert_eq!(refused(client.ask(Request::List)), Refusal::Role);
    let bytes = Bytes(b"x".to_vec());
    let said = refused(client.ask(Request::Input { bytes })).to_string();
    assert!(said.contains("it was not joined"), "{said}");
}
