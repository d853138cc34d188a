use super::Ignore;

fn left_out(file: &str, path: &str) -> bool {
    Ignore::read(file).expect("patterns").leaves_out(path)
}

#[test]
fn patterns_match_as_docker_matches_them() {
    for (file, path, out) in [
        ("target", "target", true),
        ("target", "target/debug/x", true),
        ("target", "a/target", false),
        ("target/", "target/x", true),
        ("/target", "target/x", true),
        ("./a//b/", "a/b/c", true),
        ("**/target", "a/b/target/x", true),
        ("**/target", "target", true),
        ("*.log", "x.log", true),
        ("*.log", "a/x.log", false),
        ("**/*.log", "a/b/x.log", true),
        ("*/temp*", "a/temporary", true),
        ("*/temp*", "a/b/temporary", false),
        ("temp?", "tempa", true),
        ("temp?", "temp", false),
        ("a[b-d]", "ac", true),
        ("a[^b-d]", "ac", false),
        ("a/**", "a/b/c", true),
        ("a/**", "b", false),
        ("# target\n\n  b  ", "b", true),
        ("# target", "target", false),
        (r"a\*b", "a*b", true),
        (r"a\*b", "axb", false),
        ("a+b", "a+b", true),
        ("*\n!kept", "kept/x", false),
        ("*\n!kept", "other", true),
        ("*.md\n!README*.md\nREADME-secret.md", "README.md", false),
        (
            "*.md\n!README*.md\nREADME-secret.md",
            "README-secret.md",
            true,
        ),
        ("!a\na", "a", true),
    ] {
        assert_eq!(left_out(file, path), out, "{file:?} and {path}");
    }
}

#[test]
fn what_is_no_pattern_is_named() {
    for wrong in ["a[", "!", "!/"] {
        let error = Ignore::read(wrong).expect_err("no pattern");
        assert!(error.contains(wrong), "{error}");
    }
}
