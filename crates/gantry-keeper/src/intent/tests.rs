use camino::Utf8PathBuf;

use super::*;

fn chunk(bytes: u64) -> Chunk {
    Chunk {
        log: log_number("api.1"),
        stream: 1,
        bytes,
        before: Mark {
            inode: 7,
            length: 1000,
        },
        dropped: (3, 1),
        orphaned: false,
    }
}

#[test]
fn the_next_guard_is_told_what_was_under_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(folder.path().join("intent")).unwrap();
    let (intent, trouble) = Intent::new(&path).unwrap();
    assert!(trouble.is_none());
    assert_eq!(intent.get(), None);
    intent.begin(chunk(10));
    intent.begin(chunk(20));
    assert_eq!(intent.get(), Some(chunk(20)));
    let (next, _) = Intent::new(&path).unwrap();
    let orphaned = Chunk {
        orphaned: true,
        ..chunk(20)
    };
    assert_eq!(next.get(), Some(orphaned));
    next.end();
    assert_eq!(next.get(), None);
    assert_eq!(Intent::new(&path).unwrap().0.get(), None);
}

#[test]
fn a_torn_or_foreign_file_says_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(folder.path().join("intent")).unwrap();
    for text in ["", "short", &"what is this? ".repeat(20)] {
        std::fs::write(&path, text).unwrap();
        assert_eq!(Intent::new(&path).unwrap().0.get(), None);
    }
    // A folder in its place costs the file, not the guard.
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let (intent, trouble) = Intent::new(&path).unwrap();
    assert!(trouble.is_some());
    intent.begin(chunk(1));
    assert_eq!(intent.get(), Some(chunk(1)));
}
