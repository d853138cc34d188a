use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::CLIENT;

/// What Podman is called with, when its stand-in is called with these words.
fn called(words: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [
        ("client", CLIENT),
        ("podman", "#!/bin/sh\nprintf '%s|' \"$@\"\n"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("permissions");
    }
    let client = folder.path().join("client");
    let path = std::env::var("PATH").unwrap_or_default();
    #[expect(clippy::disallowed_methods, reason = "a test runs the program")]
    let output = std::process::Command::new(client)
        .args(words)
        .env("PATH", format!("{}:{path}", folder.path().display()))
        .output()
        .expect("it runs");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn only_what_a_container_needs_is_left_out() {
    let of_image = [
        "create",
        "--name=a",
        "--requires=b,c",
        "--label",
        "x",
        "image",
    ];
    assert_eq!(called(&of_image), "create|--name=a|--label|x|image|");
    // What is the user's own stays.
    let own = [
        "create",
        "--name=a",
        "image",
        "sh",
        "--requires=b",
        "",
        "two words",
    ];
    assert_eq!(
        called(&own),
        "create|--name=a|image|sh|--requires=b||two words|"
    );
    assert_eq!(called(&["--version"]), "--version|");
}
