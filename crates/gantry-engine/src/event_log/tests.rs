use super::*;

use camino::Utf8PathBuf;
use gantry_api::EventKind;
use gantry_api::State::{Running, Starting, Stopped};

fn note(message: &str) -> Event {
    Event::new(EventKind::Note, Timestamp::UNIX_EPOCH, message)
}

fn messages(lines: &[EventLine]) -> Vec<String> {
    let events = lines.iter().filter_map(EventLine::event);
    events.map(|event| event.message).collect()
}

#[test]
fn a_listener_gets_what_is_kept_and_then_what_comes_without_a_gap() {
    let mut log = EventLog::in_memory();
    for message in ["one", "two", "three"] {
        log.append(note(message));
    }
    let (kept, mut coming) = log.listen(Some(1), None);
    assert_eq!(messages(&kept), ["two", "three"]);
    let (last, _) = log.listen(None, Some(1));
    assert_eq!(messages(&last), ["three"]);
    log.append(note("four"));
    let next = coming.try_recv().expect("an event");
    assert_eq!(next.sequence, 4);
    assert_eq!(messages(&[next]), ["four"]);
    assert!(coming.try_recv().is_err());
}

#[test]
fn numbers_go_on_after_a_restart_and_a_torn_line_is_passed_over() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = Utf8PathBuf::from_path_buf(dir.path().join("events.log")).expect("UTF-8");
    let mut log = EventLog::open(&path);
    log.append(note("one"));
    log.append(note("two"));
    log.flush();
    drop(log);
    let mut bytes = std::fs::read(&path).expect("the file");
    bytes.extend_from_slice(b"{\"sequence\":3,\"at\":");
    std::fs::write(&path, bytes).expect("written");

    let mut log = EventLog::open(&path);
    assert_eq!(log.last(), 2);
    assert_eq!(log.append(note("three")), 3);
    log.flush();
    let (kept, _) = EventLog::open(&path).listen(None, None);
    assert_eq!(messages(&kept), ["one", "two", "three"]);
}

#[test]
fn a_file_that_cannot_be_opened_costs_only_the_history() {
    let mut log = EventLog::open(Utf8Path::new("/nonexistent/events.log"));
    assert_eq!(log.append(note("one")), 1);
    log.flush();
    assert_eq!(log.listen(None, None).0.len(), 1);
}

#[test]
fn what_happened_to_a_service_is_found() {
    let mut log = EventLog::in_memory();
    let change = |service: &str, from, to, at| Event {
        service: Some(service.to_owned()),
        from: Some(from),
        to: Some(to),
        at: Timestamp::from_second(at).expect("a time"),
        ..note("")
    };
    log.append(change("a \"quoted\" one", Stopped, Starting, 1));
    log.append(change("b", Stopped, Starting, 2));
    log.append(change("a \"quoted\" one", Starting, Running, 3));
    log.append(change("a \"quoted\" one", Running, Running, 4));
    log.append(note("of nobody"));
    let log = log.recent();
    let about = log.last_about(2, |name| name.starts_with('a'));
    let numbers: Vec<u64> = about.iter().map(|event| event.sequence).collect();
    assert_eq!(numbers, [3, 4]);
    let changed = log.last_change("a \"quoted\" one");
    assert_eq!(changed.map(Timestamp::as_second), Some(3));
    assert_eq!(log.last_change("c"), None);
}

#[test]
fn the_last_ones_are_read_from_both_files() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = Utf8PathBuf::from_path_buf(dir.path().join("events.log")).expect("UTF-8");
    let write = |path: &str, numbers: std::ops::RangeInclusive<u64>| {
        let line = |sequence| {
            EventLine::new(&Event {
                sequence,
                ..note(&"x".repeat(90))
            })
        };
        let lines: Vec<u8> = numbers
            .flat_map(|number| line(number).text.to_vec())
            .collect();
        std::fs::write(path, lines).expect("written");
    };
    write(&format!("{path}.1"), 1..=9_000);
    write(path.as_str(), 9_001..=12_345);
    let mut log = EventLog::open(&path);
    assert_eq!(log.ring.len(), RING);
    log.append(note("in no file yet"));
    let (kept, _) = log.listen(None, None);
    let numbers: Vec<u64> = kept.iter().map(|line| line.sequence).collect();
    let last: Vec<u64> = (12_346 - KEPT as u64 + 1..=12_346).collect();
    assert_eq!(numbers, last);
    let mut asked = |since, tail| {
        let (kept, _) = log.listen(since, tail);
        let ends = kept.first().zip(kept.last());
        (
            kept.len(),
            ends.map(|(first, last)| (first.sequence, last.sequence)),
        )
    };
    assert_eq!(asked(Some(10_000), None), (2_346, Some((10_001, 12_346))));
    assert_eq!(asked(Some(10_000), Some(5)), (5, Some((12_342, 12_346))));
    assert_eq!(asked(None, Some(5_000)), (5_000, Some((7_347, 12_346))));
    assert_eq!(asked(Some(12_346), None), (0, None));
    for file in [path.to_string(), format!("{path}.1")] {
        std::fs::remove_file(file).expect("removed");
    }
    let in_memory = (RING, Some((12_346 - RING as u64 + 1, 12_346)));
    assert_eq!(asked(None, None), in_memory);
}
