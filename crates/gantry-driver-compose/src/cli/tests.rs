use super::{Family, number, told};

#[test]
fn what_a_command_says_of_itself() {
    for (text, family, version) in [
        ("2.26.1-4\n", Family::Compose, "2.26.1-4"),
        ("v2.0.0\n", Family::Compose, "2.0.0"),
        ("1.29.2\n", Family::Compose, "1.29.2"),
        (
            "podman-compose version 1.6.0\npodman version 4.3.1\n",
            Family::PodmanCompose,
            "1.6.0",
        ),
        (
            "podman-compose version: 1.0.3\n",
            Family::PodmanCompose,
            "1.0.3",
        ),
        (
            ">>>> Executing external compose provider\nv2.30.1\n",
            Family::Compose,
            "2.30.1",
        ),
    ] {
        assert_eq!(told(text), Some((family, version.to_owned())), "{text}");
    }
    assert_eq!(told("docker: unknown command\n"), None);
    assert_eq!(number("2.26.1-4"), Some((2, 26)));
    assert_eq!(number("v2.0"), Some((2, 0)));
    assert_eq!(number("dev"), None);
}
