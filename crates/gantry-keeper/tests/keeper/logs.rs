//! Output: complete, in order, to the last line.

use gantry_keeper::protocol::{LogPolicy, Overflow, Request, Spawn};
use gantry_log::{LogFolder, Query, Stream};

use crate::support::*;

#[test]
fn every_line_is_there_and_the_last_one_too() {
    let mut stack = Stack::new();
    let names: Vec<String> = (1..=20).map(|number| format!("a.{number}")).collect();
    for name in &names {
        stack.shell(name, 1, "seq 3000; printf 'no newline'");
    }
    let mut wanted: Vec<String> = (1..=3000).map(|line| line.to_string()).collect();
    wanted.push("no newline".into());
    // The moment the end is told, all is in the log.
    stack.all_exited(&names);
    for name in &names {
        assert!(stack.lines(name) == wanted, "{name}");
    }
}

#[test]
fn rotation_under_load_loses_nothing_that_is_to_be_kept() {
    let mut stack = Stack::new();
    stack
        .client
        .ask(Request::Spawn(Spawn {
            instance: instance("a.1"),
            generation: 1,
            command: Box::new(command(&["seq", "100000"])),
            log: LogPolicy {
                max_size: 200_000,
                max_age_ms: None,
                max_total: None,
                keep: 1000,
                overflow: Overflow::Block,
            },
        }))
        .unwrap();
    stack.exited("a.1");
    let wanted: Vec<String> = (1..=100_000).map(|line| line.to_string()).collect();
    assert!(stack.lines("a.1") == wanted);
    let folder = LogFolder::new(stack.layout().log(&instance("a.1")));
    let files = folder.rotated().unwrap();
    assert!(files.len() > 5, "{files:?}");
    for file in files {
        assert!(std::fs::metadata(file).unwrap().len() <= 200_000);
    }
}

#[test]
fn streams_are_told_apart_and_starts_follow_each_other() {
    let mut stack = Stack::new();
    stack.shell("a.1", 1, "echo out; echo err >&2; printf half");
    stack.exited("a.1");
    stack.shell("a.1", 2, "echo again");
    stack.exited("a.1");
    let folder = LogFolder::new(stack.layout().log(&instance("a.1")));
    let of = |stream| {
        let query = Query {
            stream: Some(stream),
            ..Query::default()
        };
        let lines = folder.read(&query).unwrap();
        lines
            .iter()
            .map(|line| line.text().into_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(of(Stream::Out), ["out", "half", "again"]);
    assert_eq!(of(Stream::Err), ["err"]);
}

#[test]
fn a_program_may_open_its_own_output() {
    let mut stack = Stack::new();
    stack.shell("a.1", 1, "echo one > /dev/stdout; echo two >> /dev/stderr");
    stack.exited("a.1");
    let mut lines = stack.lines("a.1");
    lines.sort();
    assert_eq!(lines, ["one", "two"]);
}

#[test]
fn a_log_that_cannot_be_written_holds_the_service_back() {
    let mut stack = Stack::new();
    // A file where the folder should be; taking it away is as good as space on a full disk.
    let log = stack.layout().log(&instance("a.1"));
    std::fs::create_dir_all(log.parent().unwrap()).unwrap();
    std::fs::write(&log, "in the way").unwrap();
    stack.shell("a.1", 1, "seq 50000; echo done");
    stack.spawned("a.1");
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(!stack.services().is_empty());
    std::fs::remove_file(&log).unwrap();
    stack.exited("a.1");
    eventually("all is written", || stack.lines("a.1").len() == 50_001);
}

#[test]
fn or_lines_are_dropped_and_counted() {
    let mut stack = Stack::new();
    let log = stack.layout().log(&instance("a.1"));
    std::fs::create_dir_all(log.parent().unwrap()).unwrap();
    std::fs::write(&log, "in the way").unwrap();
    let script = format!("seq 50000; while test -f {log}; do sleep 0.05; done; echo done");
    stack
        .client
        .ask(Request::Spawn(Spawn {
            instance: instance("a.1"),
            generation: 1,
            command: Box::new(command(&["sh", "-c", &script])),
            log: LogPolicy {
                overflow: Overflow::Drop,
                ..LogPolicy::default()
            },
        }))
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    std::fs::remove_file(&log).unwrap();
    stack.exited("a.1");
    let lines = LogFolder::new(log).read(&Query::default()).unwrap();
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0].text().contains("50000 lines are missing"),
        "{}",
        lines[0].text()
    );
    assert_eq!(lines[1].text(), "done");
}

#[test]
fn the_last_line_of_a_thousand_quick_ends_is_there() {
    let mut stack = Stack::new();
    let names: Vec<String> = (1..=1000).map(|number| format!("q.{number}")).collect();
    for (name, number) in names.iter().zip(1..) {
        let end = if number % 2 == 0 { "\\n" } else { "" };
        let line = format!("printf 'first\\nthe last of {name}{end}'");
        stack.shell(name, 1, &line);
        if number % 50 == 0 {
            stack.all_exited(&names[number - 50..number]);
        }
    }
    for name in &names {
        assert_eq!(
            stack.lines(name),
            ["first".to_owned(), format!("the last of {name}")]
        );
    }
}

/// A file system of its own for one instance's log; it is taken away at the end.
struct SmallDisk(camino::Utf8PathBuf);

impl SmallDisk {
    /// `None` where one may not be made.
    fn new(test: &str, log: &camino::Utf8Path) -> Option<Self> {
        std::fs::create_dir_all(log).unwrap();
        let made = is_root()
            && run(
                "mount",
                &["-t", "tmpfs", "-o", "size=16m", "none", log.as_str()],
            );
        if !made {
            gantry_test::skip(test, "the right to mount");
        }
        made.then(|| Self(log.to_owned()))
    }

    fn fill(&self) {
        use std::io::Write as _;
        let mut filler = std::fs::File::create(self.0.join("filler")).unwrap();
        while filler.write_all(&[0; 4096]).is_ok() {}
    }

    fn make_room(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run("umount", &["-l", self.0.as_str()]);
    }
}

fn run(program: &str, arguments: &[&str]) -> bool {
    let status = std::process::Command::new(program).args(arguments).status();
    status.is_ok_and(|status| status.success())
}

#[test]
fn a_full_disk_holds_the_service_back_until_there_is_room() {
    let mut stack = Stack::new();
    let log = stack.layout().log(&instance("a.1"));
    let Some(disk) = SmallDisk::new("a_full_disk_holds_the_service_back", &log) else {
        return;
    };
    disk.fill();
    let printed = stack.dir().join("printed");
    let script = format!("seq 50000; touch {printed}; echo err >&2; printf done");
    stack.shell("a.1", 1, &script);
    stack.spawned("a.1");
    // Longer than the pipe holds: it cannot get any further, however long one waits.
    std::thread::sleep(std::time::Duration::from_millis(400));
    assert!(!printed.exists());
    disk.make_room();
    stack.exited("a.1");
    let mut wanted: Vec<String> = (1..=50_000).map(|line| line.to_string()).collect();
    wanted.push("done".into());
    eventually("all is written", || stack.lines("a.1").len() == 50_002);
    let mut lines = stack.lines("a.1");
    lines.retain(|line| line != "err");
    assert!(lines == wanted);
}

#[test]
fn a_full_disk_loses_what_is_counted() {
    let mut stack = Stack::new();
    let log = stack.layout().log(&instance("a.1"));
    let Some(disk) = SmallDisk::new("a_full_disk_loses_what_is_counted", &log) else {
        return;
    };
    disk.fill();
    let (printed, ready) = (stack.dir().join("printed"), stack.dir().join("ready"));
    let script = format!(
        "seq 50000; touch {printed}; while ! test -f {ready}; do sleep 0.05; done; echo done"
    );
    stack
        .client
        .ask(Request::Spawn(Spawn {
            instance: instance("a.1"),
            generation: 1,
            command: Box::new(command(&["sh", "-c", &script])),
            log: LogPolicy {
                overflow: Overflow::Drop,
                ..LogPolicy::default()
            },
        }))
        .unwrap();
    stack.spawned("a.1");
    eventually("all is printed", || printed.exists());
    disk.make_room();
    std::fs::write(&ready, "").unwrap();
    stack.exited("a.1");
    let lines = LogFolder::new(log).read(&Query::default()).unwrap();
    let mut missing = 0;
    for line in lines.iter().filter(|line| line.stream == Stream::Keeper) {
        let text = line.text();
        let count = text
            .split(", ")
            .nth(1)
            .and_then(|part| part.split(' ').next());
        missing += count.unwrap().parse::<usize>().unwrap();
    }
    let kept = lines
        .iter()
        .filter(|line| line.stream == Stream::Out)
        .count();
    assert!(missing > 0);
    assert_eq!(kept + missing, 50_001);
    assert_eq!(lines.last().unwrap().text(), "done");
}
