use super::*;

use std::os::unix::fs::PermissionsExt as _;

fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = Utf8PathBuf::from_path_buf(dir.path().to_owned()).expect("a path in UTF-8");
    (dir, path)
}

#[test]
fn a_file_is_replaced_whole_and_private() {
    let (_dir, path) = folder();
    let file = path.join("plan.json");
    write_whole(&file, b"one, which is longer", Durability::Power).expect("the first");
    // What a writer that was killed has left.
    let left = path.join("plan.tmp");
    fs::copy(&file, left).expect("a leftover");
    write_whole(&file, b"two", Durability::Process).expect("the second");
    assert_eq!(fs::read(&file).expect("the file"), b"two");
    let mode = fs::metadata(&file).expect("its data").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let entries = fs::read_dir(&path).expect("the folder").count();
    assert_eq!(entries, 1, "no temporary file stays");
}

#[test]
fn a_failed_write_names_the_file_and_leaves_nothing() {
    let (_dir, path) = folder();
    let file = path.join("absent/plan.json");
    let error = write_whole(&file, b"x", Durability::Process).expect_err("no such folder");
    assert_eq!(error.path, file);
}

#[test]
fn a_file_that_does_not_parse_is_set_aside() {
    let (_dir, path) = folder();
    let file = path.join("ports.json");
    fs::write(&file, "{ torn").expect("the file");
    let kept = read_json::<serde_json::Value>(&file, |_| true).expect("readable");
    let Kept::SetAside { path: aside, .. } = kept else {
        panic!("it was taken: {kept:?}");
    };
    assert!(aside.exists());
    assert!(matches!(
        read_json::<serde_json::Value>(&file, |_| true).expect("readable"),
        Kept::Absent
    ));
}
