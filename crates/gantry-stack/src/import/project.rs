//! Compose's own files in the place of a stack file: a stack of one service.

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::json;

/// What Compose's files are called: these, and these with something before the ending.
const NAMES: [&str; 2] = ["compose", "docker-compose"];

/// The name of the one service.
const SERVICE: &str = "compose";

/// Whether a file is Compose's, by its name.
pub(super) fn is(file: &Utf8Path) -> bool {
    let yaml = matches!(file.extension(), Some("yaml" | "yml"));
    let name = file.file_name().unwrap_or_default();
    let first = name.split('.').next().unwrap_or(name);
    yaml && NAMES.contains(&first)
}

/// The stack file that would name these files.
pub(super) fn stack(files: &[Utf8PathBuf]) -> String {
    // Neither variables nor references are meant in a path that a user gave.
    let plain = |file: &Utf8PathBuf| file.as_str().replace('$', "$$").replace("{{", "{{{{");
    let files: Vec<String> = files.iter().map(plain).collect();
    json!({ "services": { SERVICE: { "compose": { "files": files } } } }).to_string()
}

#[cfg(test)]
mod tests {
    use super::is;

    #[test]
    fn composes_files_are_known_by_their_names() {
        for name in [
            "compose.yaml",
            "docker-compose.yml",
            "/x/docker-compose.a10g.yaml",
        ] {
            assert!(is(name.into()), "{name}");
        }
        for name in ["gantry.yaml", "compose.toml", "my-compose.yaml"] {
            assert!(!is(name.into()), "{name}");
        }
    }
}
