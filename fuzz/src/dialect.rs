//! A `config.yml`, from its text to the stack.

use std::sync::OnceLock;

use camino::{Utf8Path, Utf8PathBuf};
use gantry_stack::load::{LoadOptions, load};

/// A folder without anything else in it.
fn folder() -> &'static Utf8Path {
    static FOLDER: OnceLock<(tempfile::TempDir, Utf8PathBuf)> = OnceLock::new();
    let (_, path) = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = Utf8PathBuf::from_path_buf(folder.path().to_owned()).expect("its name is text");
        (folder, path)
    });
    path
}

/// Reads it as the first file of a stack.
pub fn run(bytes: &[u8]) {
    let path = folder().join("config.yml");
    std::fs::write(&path, bytes).expect("a file");
    let options = LoadOptions {
        files: vec![path],
        folder: folder().to_owned(),
        environment: vec![("HOME".to_owned(), "/home".to_owned())],
        ..LoadOptions::default()
    };
    match load(&options) {
        Ok(loaded) => {
            assert!(!loaded.warnings.has_errors());
            loaded.origins();
        }
        Err(report) => {
            assert!(report.has_errors());
            let _ = report.to_string();
        }
    }
}
