use camino::Utf8PathBuf;
use gantry_core::{Generation, InstanceId, Revision, ServiceName};

use super::{Journal, Start};

fn start(name: &str, slot: u16, generation: u32, revision: u32) -> Start {
    Start {
        instance: InstanceId::new(ServiceName::new(name).expect("name"), slot),
        generation: Generation(generation),
        revision: Revision(revision),
        restarts: 0,
        handle: None,
    }
}

#[test]
fn the_last_start_of_each_instance_is_found_again_after_a_torn_line() {
    let folder = tempfile::tempdir().expect("folder");
    let path = Utf8PathBuf::from_path_buf(folder.path().join("starts")).expect("UTF-8");
    let mut journal = Journal::open(&path);
    journal.note(start("api", 0, 1, 1));
    journal.note(start("api", 1, 1, 1));
    journal.note(start("api", 0, 2, 3));
    journal.flush();
    drop(journal);
    let mut text = std::fs::read(&path).expect("read");
    text.extend_from_slice(b"{\"instance\":\"api.1\",\"genera");
    std::fs::write(&path, text).expect("write");

    let mut journal = Journal::open(&path);
    let wanted = start("api", 0, 2, 3);
    assert_eq!(journal.get(&wanted.instance), Some(&wanted));
    let text = std::fs::read_to_string(&path).expect("read");
    assert_eq!(text.lines().count(), 2, "{text}");

    journal.forget(|instance| instance.slot == 1);
    assert_eq!(journal.get(&start("api", 1, 1, 1).instance), None);
}
