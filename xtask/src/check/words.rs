//! Core, engine and api know no backend: none of their words, not even in a comment.

use super::Complaint;
use super::workspace::Workspace;

const CRATES: [&str; 3] = ["gantry-core", "gantry-engine", "gantry-api"];

/// Whole words, in small letters.
const WORDS: [&str; 12] = [
    "docker",
    "podman",
    "container",
    "containers",
    "containerd",
    "compose",
    "helm",
    "pod",
    "pods",
    "kubectl",
    "kubeconfig",
    "k8s",
];

/// Beginnings of words.
const BEGINNINGS: [&str; 1] = ["kube"];

pub(super) fn check(workspace: &Workspace) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for name in CRATES {
        let files = workspace
            .package(name)
            .into_iter()
            .flat_map(|package| &package.files);
        for file in files {
            for (number, line) in file.text.lines().enumerate() {
                for word in words(line).into_iter().filter(|word| is_backend(word)) {
                    let path = file.path.display();
                    complaints.push(format!("{path}:{}: says {word:?}", number + 1));
                }
            }
        }
    }
    complaints
}

fn is_backend(word: &str) -> bool {
    WORDS.contains(&word)
        || BEGINNINGS
            .iter()
            .any(|beginning| word.starts_with(beginning))
}

/// The words of a line, those inside `snake_case` and `CamelCase` names too.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_small = false;
    for letter in line.chars() {
        let starts_new = !letter.is_alphanumeric() || (letter.is_uppercase() && after_small);
        if starts_new {
            words.push(String::new());
        }
        if letter.is_alphanumeric() {
            words
                .last_mut()
                .expect("never empty")
                .extend(letter.to_lowercase());
        }
        after_small = letter.is_lowercase() || letter.is_numeric();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn finds_the_words_inside_names() {
        assert_eq!(
            words("let podSpec = kube_client();"),
            ["let", "pod", "spec", "kube", "client"]
        );
        assert_eq!(
            words("// decomposes a tripod"),
            ["decomposes", "a", "tripod"]
        );
    }
}
