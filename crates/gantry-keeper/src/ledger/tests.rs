use proptest::prelude::*;

use super::*;
use crate::protocol::{Event, Exit, Generation, LogPolicy, ProcessId, Proof, Voice};

fn starting(name: &str, generation: Generation) -> Entry {
    Entry::Starting(Box::new(Starting {
        key: Key::Instance(name.parse().unwrap(), generation),
        at_us: 1,
        pipes: [(10, 1), (11, 2)],
        group: None,
        limits: Vec::new(),
        log: LogPolicy::default(),
        job: None,
        job_grace_ms: 0,
        job_log: None,
        behind: Vec::new(),
        guard: None,
        voice: Voice::default(),
        ready: None,
        sockets: Vec::new(),
        terminal: None,
    }))
}

fn event(sequence: u64, name: &str, generation: Generation, exited: bool) -> Entry {
    let instance = name.parse().unwrap();
    let body = if exited {
        EventBody::Exited {
            instance,
            generation,
            exit: Exit::Code(0),
            left: Vec::new(),
            stopping: false,
            out_of_memory: None,
        }
    } else {
        EventBody::Spawned {
            instance,
            generation,
            process: ProcessId {
                pid: 1,
                start_time: 2,
                boot_id: "b".into(),
            },
            proof: Proof::Cgroup,
            not_applied: Vec::new(),
        }
    };
    Entry::Event {
        event: Event {
            sequence,
            at_us: 1,
            body,
        },
    }
}

fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(dir.path().join("ledger")).unwrap();
    (dir, path)
}

#[test]
fn what_was_written_is_read_again_and_history_goes() {
    let (_dir, path) = folder();
    let (mut ledger, _, _) = Ledger::open(&path, false).unwrap();
    for entry in [
        starting("a.1", 1),
        event(1, "a.1", 1, false),
        event(2, "a.1", 1, true),
        starting("a.1", 2),
        event(3, "a.1", 2, false),
        starting("b.1", 1),
        Entry::Ack { sequence: 2 },
    ] {
        ledger.append(&entry).unwrap();
    }
    drop(ledger);
    for _ in 0..2 {
        let (_, state, message) = Ledger::open(&path, false).unwrap();
        assert_eq!(message, None);
        assert_eq!((state.sequence, state.acknowledged), (3, 2));
        assert_eq!(state.events.len(), 1);
        let keys: Vec<_> = state
            .runs
            .iter()
            .map(|run| (&run.starting.key, run.events.len()))
            .collect();
        let first = Key::Instance("a.1".parse().unwrap(), 2);
        let second = Key::Instance("b.1".parse().unwrap(), 1);
        assert_eq!(keys, [(&first, 1), (&second, 0)]);
    }
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("gantry-ledger 1\n"), "{text}");
    assert_eq!(text.lines().count(), 5, "{text}");
}

#[test]
fn a_torn_last_line_is_ignored_at_every_length() {
    let (_dir, path) = folder();
    let (mut ledger, _, _) = Ledger::open(&path, false).unwrap();
    ledger.append(&starting("a.1", 1)).unwrap();
    let whole = fs::metadata(&path).unwrap().len();
    ledger.append(&event(1, "a.1", 1, false)).unwrap();
    drop(ledger);
    let bytes = fs::read(&path).unwrap();
    for length in usize::try_from(whole).unwrap()..bytes.len() - 1 {
        fs::write(&path, &bytes[..length]).unwrap();
        let (mut ledger, state, _) = Ledger::open(&path, false).unwrap();
        assert_eq!((state.runs.len(), state.sequence), (1, 0), "{length}");
        ledger.append(&event(1, "a.1", 1, false)).unwrap();
        // What was torn off might have been another start.
        ledger.append(&Entry::Searched).unwrap();
        let (_, state, message) = Ledger::open(&path, false).unwrap();
        assert_eq!((state.sequence, message), (1, None));
    }
}

#[test]
fn what_is_no_ledger_is_set_aside() {
    let (_dir, path) = folder();
    fs::write(&path, "something else\n").unwrap();
    let (_, state, message) = Ledger::open(&path, false).unwrap();
    assert_eq!(state.runs.len(), 0);
    assert!(message.unwrap().contains("set aside"));
    assert!(Utf8PathBuf::from(format!("{path}.unreadable")).exists());
}

#[test]
fn a_search_that_was_cut_short_is_begun_again() {
    let (_dir, path) = folder();
    fs::write(&path, "something else\n").unwrap();
    // Each of these is killed somewhere in the middle.
    Ledger::open(&path, true).unwrap();
    let (mut ledger, _, message) = Ledger::open(&path, true).unwrap();
    assert!(message.unwrap().contains("did not come to an end"));
    ledger.append(&starting("a.1", 1)).unwrap();
    let (mut ledger, state, message) = Ledger::open(&path, true).unwrap();
    assert_eq!((state.runs.len(), message.is_some()), (1, true));
    ledger.append(&Entry::Searched).unwrap();
    let (_, state, message) = Ledger::open(&path, true).unwrap();
    assert_eq!((state.runs.len(), message), (1, None));
    // Set aside, and nothing in its place yet.
    fs::remove_file(&path).unwrap();
    let (_, _, message) = Ledger::open(&path, false).unwrap();
    assert!(message.unwrap().contains("is gone"));
}

#[test]
fn the_checksum_is_the_known_one() {
    assert_eq!(parse::<u32>(b"cbf43926 123456789"), Some(123_456_789));
    assert_eq!(parse::<u32>(b"cbf43927 123456789"), None);
}

proptest! {
    #[test]
    fn noise_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..300)) {
        let (_dir, path) = folder();
        let mut bytes = b"gantry-ledger 1\n".to_vec();
        bytes.extend_from_slice(&noise);
        fs::write(&path, bytes).unwrap();
        Ledger::open(&path, false).unwrap();
    }

    #[test]
    fn one_bent_byte_loses_one_line(at in 0_usize..1000, byte: u8) {
        let mut bytes = Vec::new();
        line(&starting("a.1", 1), &mut bytes).unwrap();
        bytes.pop();
        let at = at % bytes.len();
        let same = bytes[at].eq_ignore_ascii_case(&byte) && at < 8 || bytes[at] == byte;
        bytes[at] = byte;
        prop_assert_eq!(parse::<Entry>(&bytes).is_some(), same);
    }
}
