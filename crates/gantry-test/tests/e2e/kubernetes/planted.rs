//! Secrets that stand in manifests are nowhere else: not in what is kept, shown or dumped.

use std::process::{Command, Stdio};

use gantry_test::Run;

use super::{SERVES, Stack, web};

/// What a first and a second revision have, as they stand in the manifest and as the cluster has them: one is given in
/// plain words and one in base64.
const PLANTED: [[&str; 4]; 2] = [
    [
        "hunter2-planted",
        "aHVudGVyMi1wbGFudGVk",
        "hunter3-planted",
        "aHVudGVyMy1wbGFudGVk",
    ],
    [
        "hunter4-planted",
        "aHVudGVyNC1wbGFudGVk",
        "hunter5-planted",
        "aHVudGVyNS1wbGFudGVk",
    ],
];

fn manifests([plain, _, _, packed]: [&str; 4]) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{ name: plain }}\nstringData: {{ word: {plain} }}\n---\n\
         apiVersion: v1\nkind: Secret\nmetadata: {{ name: packed }}\ndata: {{ word: {packed} }}\n---\n{}",
        web(SERVES)
    )
}

#[test]
fn secrets_of_manifests_are_nowhere_else() {
    let [first, second] = PLANTED;
    let Some(stack) = Stack::new("planted::secrets_of_manifests", &manifests(first)) else {
        return;
    };
    let mut said = String::new();
    let mut run = |words: &[&str]| {
        let run = stack.gantry(words);
        run.expect(0);
        said.push_str(&run.stdout);
        said.push_str(&run.stderr);
    };
    run(&["up", "-d"]);
    stack.write(&manifests(second));
    for words in [
        &["plan", "-o", "json"][..],
        &["diff"],
        &["diff", "-o", "json"],
        &["up", "-d"],
        &["status", "-o", "json"],
        &["explain", "web", "-o", "json"],
        &["events", "-o", "json"],
        &["timeline", "-o", "json"],
        &["graph", "--manifests", "--format", "dot"],
        &["dump", "bundle"],
    ] {
        run(words);
    }
    let planted = PLANTED.as_flattened();
    let shown = |word: &&&str| said.contains(**word);
    assert_eq!(planted.iter().find(shown), None, "{said}");
    let mut command = Command::new("grep");
    command.args(["-rl", "--exclude-dir=manifests"]);
    command.args(planted.iter().flat_map(|word| ["-e", word]));
    command
        .args([stack.sandbox.home(), stack.sandbox.path("stack")])
        .stdin(Stdio::null());
    let found: Run = gantry_test::output(&mut command).into();
    assert_eq!(found.stdout, "", "the secrets are in files");
    let exists = stack.sandbox.path("stack/bundle");
    assert!(exists.is_dir(), "there is something to look through");
    stack.gantry(&["down"]).expect(0);
}
