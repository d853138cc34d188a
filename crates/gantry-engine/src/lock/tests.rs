use super::*;

#[test]
fn the_second_is_told_who_has_it_and_the_third_gets_it() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = Utf8PathBuf::from_path_buf(dir.path().join("lock")).expect("a path in UTF-8");
    let first = StackLock::take(&path).expect("free");
    // A lock belongs to the open file, so that a second one conflicts in the same process too.
    match StackLock::take(&path) {
        Err(LockError::Held { pid }) => assert_eq!(pid, std::process::id()),
        other => panic!("the lock was given twice: {other:?}"),
    }
    drop(first);
    StackLock::take(&path).expect("free again");
}

#[test]
fn a_folder_that_is_not_there_is_an_error_with_its_path() {
    let path = Utf8Path::new("/nonexistent/stack/lock");
    match StackLock::take(path) {
        Err(LockError::Failed { path: named, .. }) => assert_eq!(named, path),
        other => panic!("there is no such folder: {other:?}"),
    }
}
