use std::os::unix::fs::{MetadataExt as _, symlink};

use super::*;

struct Place {
    _dir: tempfile::TempDir,
    path: Utf8PathBuf,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(dir.path().join("build")).unwrap();
        Self { _dir: dir, path }
    }

    fn open(&self) -> Folder {
        Folder::open(&self.path, "/p/config.yml").unwrap()
    }

    /// Writes these files, and says what changed.
    fn write(&self, files: &[(&str, &str)]) -> Vec<(String, Change)> {
        let wanted = wanted(files);
        let folder = self.open();
        let steps = folder.compare(&wanted, false).unwrap();
        folder.write(&wanted, &steps, "now").unwrap();
        let changes = steps.changes.into_iter();
        changes
            .map(|one| (one.file.to_string(), one.change))
            .collect()
    }

    fn refuses(&self, files: &[(&str, &str)]) -> String {
        let errors = self.open().compare(&wanted(files), false).unwrap_err();
        errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn put(&self, file: &str, text: &str) {
        let path = self.path.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn all(&self) -> Vec<(String, u64, i64)> {
        fn walk(path: &Utf8Path, found: &mut Vec<(String, u64, i64)>) {
            for entry in path.read_dir_utf8().unwrap() {
                let entry = entry.unwrap();
                let kind = entry.metadata().unwrap();
                found.push((entry.path().to_string(), kind.ino(), kind.mtime_nsec()));
                if kind.is_dir() {
                    walk(entry.path(), found);
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.path, &mut found);
        found.sort();
        found
    }
}

fn wanted(files: &[(&str, &str)]) -> BTreeMap<Utf8PathBuf, Wanted> {
    let one = |(file, text): &(&str, &str)| {
        let content = Content::Bytes(text.as_bytes().to_vec());
        (
            Utf8PathBuf::from(*file),
            Wanted {
                content,
                mode: 0o644,
            },
        )
    };
    files.iter().map(one).collect()
}

#[test]
fn only_what_differs_is_written_and_folders_stay() {
    let place = Place::new();
    let created = |file: &str| (file.to_owned(), Change::Created);
    let files = [("a/x", "1"), ("a/y", "2"), ("b/z", "3")];
    assert_eq!(
        place.write(&files),
        [created("a/x"), created("a/y"), created("b/z")]
    );
    let before = place.all();
    assert!(place.write(&files).is_empty());
    assert_eq!(place.all(), before);
    let folder = |path: &str| place.path.join(path).metadata().unwrap().ino();
    let (a, y) = (folder("a"), folder("a/y"));
    let changes = place.write(&[("a/x", "changed"), ("a/y", "2")]);
    assert_eq!(
        changes,
        [
            ("a/x".to_owned(), Change::Changed),
            ("b/z".to_owned(), Change::Removed)
        ]
    );
    assert_eq!((folder("a"), folder("a/y")), (a, y));
    assert!(!place.path.join("b").exists());
}

#[test]
fn a_file_that_gantry_did_not_write_is_never_touched() {
    let place = Place::new();
    place.write(&[("a/x", "1")]);
    place.put("a/theirs", "t");
    place.put("c/in-the-way", "t");
    let said = place.refuses(&[("a/x", "2"), ("c/in-the-way", "mine")]);
    assert!(
        said.contains("c/in-the-way is there, and gantry did not write it"),
        "{said}"
    );
    assert_eq!(
        std::fs::read_to_string(place.path.join("a/x")).unwrap(),
        "1"
    );
    // The same bytes are as good as its own.
    assert!(
        place
            .write(&[("a/x", "1"), ("c/in-the-way", "t")])
            .is_empty()
    );
    place.write(&[]);
    assert!(!place.path.join("a/x").exists());
    assert_eq!(
        std::fs::read_to_string(place.path.join("a/theirs")).unwrap(),
        "t"
    );
}

#[test]
fn nothing_is_written_or_removed_through_a_link() {
    let place = Place::new();
    place.write(&[("a/x", "1"), ("b", "1")]);
    let outside = place.path.parent().unwrap().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("x"), "theirs").unwrap();
    std::fs::remove_dir_all(place.path.join("a")).unwrap();
    symlink(&outside, place.path.join("a")).unwrap();
    let said = place.refuses(&[("a/x", "2"), ("b", "1")]);
    assert!(said.contains("/a is a link"), "{said}");
    assert!(place.write(&[("b", "1")]).is_empty());
    assert_eq!(
        std::fs::read_to_string(outside.join("x")).unwrap(),
        "theirs"
    );
    std::fs::remove_file(place.path.join("b")).unwrap();
    symlink(outside.join("x"), place.path.join("b")).unwrap();
    assert!(place.refuses(&[("b", "2")]).contains("/b is a link"));
}

#[test]
fn a_file_gives_way_to_a_folder_and_back() {
    let place = Place::new();
    place.write(&[("a", "1")]);
    place.write(&[("a/b", "2")]);
    assert_eq!(
        std::fs::read_to_string(place.path.join("a/b")).unwrap(),
        "2"
    );
    place.write(&[("c", "1")]);
    assert!(!place.path.join("a").exists());
}

#[test]
fn modes_count_and_copies_are_compared() {
    let place = Place::new();
    let source = place.path.parent().unwrap().join("source");
    std::fs::write(&source, "x".repeat(40_000)).unwrap();
    let want = |mode| {
        let content = Content::Copy(source.clone());
        BTreeMap::from([(Utf8PathBuf::from("s"), Wanted { content, mode })])
    };
    for mode in [0o644, 0o755] {
        let folder = place.open();
        let steps = folder.compare(&want(mode), false).unwrap();
        assert_eq!(steps.changes.len(), 1);
        folder.write(&want(mode), &steps, "now").unwrap();
        assert!(
            place
                .open()
                .compare(&want(mode), false)
                .unwrap()
                .changes
                .is_empty()
        );
    }
    std::fs::write(&source, "x".repeat(39_999) + "y").unwrap();
    assert_eq!(
        place
            .open()
            .compare(&want(0o755), false)
            .unwrap()
            .changes
            .len(),
        1
    );
}

#[test]
fn a_folder_is_of_one_stack_and_its_list_is_believed_only_here() {
    let place = Place::new();
    place.write(&[("a", "1")]);
    let error = Folder::open(&place.path, "/other/config.yml").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("is the build folder of /p/config.yml")
    );
    let list = place.path.join(MANIFEST);
    for files in ["[\"../../outside\"]", "[\"/etc/passwd\"]"] {
        let text = format!(
            "{{\"version\":1,\"stack\":\"/p/config.yml\",\"time\":\"\",\"files\":{files}}}"
        );
        std::fs::write(&list, text).unwrap();
        let error = Folder::open(&place.path, "/p/config.yml").unwrap_err();
        assert!(
            error.to_string().contains("files that are not here"),
            "{error}"
        );
    }
    std::fs::write(&list, "{").unwrap();
    assert!(Folder::open(&place.path, "/p/config.yml").is_err());
}

#[test]
fn clearing_takes_what_gantry_wrote() {
    let place = Place::new();
    place.write(&[("a/x", "1"), ("b", "2")]);
    place.put("a/theirs", "t");
    assert_eq!(place.open().clear().unwrap().len(), 2);
    assert_eq!(place.all().len(), 2);
    assert!(place.path.join("a/theirs").exists());
}
