//! Every file in `wrong/` is refused, and what people then read is kept as a snapshot.
//!
//! A folder there is a stack of several files. A first line of `# mode: …` or `# profile: …` gives flags.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use gantry_stack::{LoadOptions, load};

#[test]
fn wrong_files_are_refused_in_good_words() {
    let folder = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong");
    let mut files: Vec<Utf8PathBuf> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| Utf8PathBuf::from_path_buf(entry.unwrap().path()).unwrap())
        .map(|path| {
            if path.is_dir() {
                path.join("gantry.toml")
            } else {
                path
            }
        })
        .filter(|path| matches!(path.extension(), Some("toml" | "yaml")))
        .collect();
    files.sort();
    assert!(files.len() >= 60, "{}", files.len());
    let mut accepted = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let flags = |word: &str| -> Vec<String> {
            text.lines()
                .take_while(|line| line.starts_with('#'))
                .filter_map(|line| line.strip_prefix(&format!("# {word}: ")))
                .map(str::to_owned)
                .collect()
        };
        let options = LoadOptions {
            files: vec![file.strip_prefix(&folder).unwrap().to_owned()],
            folder: folder.clone(),
            environment: vec![("HOME".into(), "/home/ada".into())],
            modes: flags("mode"),
            profiles: flags("profile"),
            ..LoadOptions::default()
        };
        let name = file
            .strip_prefix(&folder)
            .unwrap()
            .as_str()
            .replace('/', "__");
        let Err(report) = load(&options) else {
            accepted.push(name);
            continue;
        };
        let shown = report.to_string().replace(folder.as_str(), "…");
        insta::with_settings!({
            snapshot_path => "wrong/snapshots",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(name, shown);
        });
    }
    assert!(accepted.is_empty(), "these are not refused: {accepted:?}");
}
