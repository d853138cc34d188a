use camino::Utf8PathBuf;
use gantry_core::{Failure, Generation, InstanceId, Memory, Millis, Revision, ServiceName, Stage};

use super::{Journal, Start};

fn start(name: &str, slot: u16, generation: u32, revision: u32) -> Start {
    Start::new(
        InstanceId::new(ServiceName::new(name).expect("name"), slot),
        Generation(generation),
        Revision(revision),
        0,
        Memory::default(),
    )
}

#[test]
fn the_last_start_of_each_instance_is_found_again_after_a_torn_line() {
    let folder = tempfile::tempdir().expect("folder");
    let path = Utf8PathBuf::from_path_buf(folder.path().join("starts")).expect("UTF-8");
    let (mut journal, _) = Journal::open(&path);
    journal.note(start("api", 0, 1, 1));
    journal.note(start("api", 1, 1, 1));
    journal.note(start("api", 0, 2, 3));
    journal.flush();
    drop(journal);
    let mut text = std::fs::read(&path).expect("read");
    text.extend_from_slice(b"{\"instance\":\"api.1\",\"genera");
    std::fs::write(&path, text).expect("write");

    let (mut journal, _) = Journal::open(&path);
    let wanted = start("api", 0, 2, 3);
    assert_eq!(journal.get(&wanted.instance), Some(&wanted));
    let text = std::fs::read_to_string(&path).expect("read");
    assert_eq!(text.lines().count(), 2, "{text}");

    journal.forget(|instance| instance.slot == 1);
    assert_eq!(journal.get(&start("api", 1, 1, 1).instance), None);
}

#[test]
fn what_was_given_up_and_how_restarts_stood_is_found_again() {
    let folder = tempfile::tempdir().expect("folder");
    let path = Utf8PathBuf::from_path_buf(folder.path().join("starts")).expect("UTF-8");
    let (mut journal, _) = Journal::open(&path);
    let failure = Failure::new(Stage::CrashLoop, "ended 6 times");
    let mut api = start("api", 0, 6, 1);
    api.attempts = 5;
    api.recent = vec![Millis(1_000), Millis(2_000)];
    journal.note(api.clone());
    journal.note(start("db", 0, 1, 1));
    journal.note_gave_up(&api.instance, &failure);
    journal.note_gave_up(&start("nobody", 0, 1, 1).instance, &failure);
    journal.flush();

    let (mut journal, _) = Journal::open(&path);
    let memory = journal.get(&api.instance).expect("api").memory();
    assert_eq!((memory.attempts, memory.recent.len()), (5, 2));
    assert_eq!(memory.failed.as_deref(), Some(&failure));
    // Asked for again, it is no longer given up.
    journal.note(start("api", 0, 7, 1));
    journal.flush();
    let (journal, _) = Journal::open(&path);
    let memory = journal.get(&api.instance).expect("api").memory();
    assert_eq!(memory, Memory::default());
}

#[test]
fn a_journal_of_an_older_release_is_read() {
    let folder = tempfile::tempdir().expect("folder");
    let path = Utf8PathBuf::from_path_buf(folder.path().join("starts")).expect("UTF-8");
    let old = r#"{"instance":"api.1","generation":3,"revision":2,"restarts":4}"#;
    std::fs::write(&path, format!("{old}\n")).expect("write");
    let (journal, _) = Journal::open(&path);
    let found = journal.get(&start("api", 0, 3, 2).instance).expect("api");
    assert_eq!((found.restarts, found.memory()), (4, Memory::default()));
}

#[test]
fn what_cannot_be_read_is_set_aside_and_the_rest_is_kept() {
    let folder = tempfile::tempdir().expect("folder");
    let path = Utf8PathBuf::from_path_buf(folder.path().join("starts")).expect("UTF-8");
    let (mut journal, message) = Journal::open(&path);
    assert_eq!(message, None);
    journal.note(start("api", 0, 1, 1));
    journal.flush();
    let text = std::fs::read_to_string(&path).expect("read");
    std::fs::write(&path, format!("\u{1}garbage\n{text}")).expect("write");

    let (journal, message) = Journal::open(&path);
    let message = message.expect("a message");
    assert!(message.contains("starts.broken"), "{message}");
    let wanted = start("api", 0, 1, 1);
    assert_eq!(journal.get(&wanted.instance), Some(&wanted));
    assert_eq!(Journal::open(&path).1, None, "the new file is whole");
}
