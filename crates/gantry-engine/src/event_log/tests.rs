use super::*;

use camino::Utf8PathBuf;
use gantry_api::EventKind;

fn note(message: &str) -> Event {
    Event {
        sequence: 0,
        at: Timestamp::UNIX_EPOCH,
        kind: EventKind::Note,
        service: None,
        instance: None,
        from: None,
        to: None,
        ready: None,
        message: message.to_owned(),
        operation: None,
        failure: None,
    }
}

fn messages(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.message.as_str()).collect()
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
    assert_eq!((next.sequence, next.message.as_str()), (4, "four"));
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
