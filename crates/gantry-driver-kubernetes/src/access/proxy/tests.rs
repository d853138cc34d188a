use super::*;

fn found(named: Option<&str>, server: &str, set: &[(&str, &str)]) -> Result<String, String> {
    let server = server.parse().expect("an address");
    let set = set
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let found = of(named, &server, &set.collect())?;
    Ok(found.map_or_else(String::new, |found| found.to_string()))
}

#[test]
fn the_cluster_s_own_proxy_is_always_taken() {
    let set = [("HTTPS_PROXY", "http://other:1"), ("NO_PROXY", "*")];
    let own = Some("http://own:3128");
    let taken = Ok("http://own:3128/".to_owned());
    assert_eq!(found(own, "https://10.0.0.1:6443", &set), taken);
    assert_eq!(found(own, "https://127.0.0.1:6443", &[]), taken);
}

#[test]
fn the_environment_s_is_taken_unless_the_server_is_left_out() {
    let server = "https://api.cluster.example:6443";
    let proxy = ("HTTPS_PROXY", "http://proxy:3128");
    let taken = Ok("http://proxy:3128/".to_owned());
    let none = Ok(String::new());
    assert_eq!(found(None, server, &[]), none);
    assert_eq!(found(None, server, &[proxy]), taken);
    assert_eq!(
        found(None, server, &[("https_proxy", "proxy:3128")]),
        taken,
        "without a scheme"
    );
    assert_eq!(found(None, server, &[("HTTP_PROXY", "http://x:1")]), none);
    for (left_out, expected) in [
        ("cluster.example", &none),
        (".example", &none),
        ("other.example, api.cluster.example,", &none),
        ("*", &none),
        ("other.example", &taken),
        ("10.0.0.0/8", &taken),
        ("", &taken),
    ] {
        let set = [proxy, ("no_proxy", left_out)];
        assert_eq!(&found(None, server, &set), expected, "{left_out:?}");
    }
    let set = [proxy, ("NO_PROXY", "10.0.0.0/8")];
    assert_eq!(found(None, "https://10.1.2.3:6443", &set), none);
    assert_eq!(found(None, "https://11.1.2.3:6443", &set), taken);
}

#[test]
fn what_is_on_this_machine_needs_none() {
    let set = [
        ("HTTPS_PROXY", "http://proxy:3128"),
        ("HTTP_PROXY", "http://proxy:3128"),
    ];
    for server in [
        "https://127.0.0.1:6443",
        "https://localhost:6443",
        "https://[::1]:6443",
        "http://127.8.0.1",
    ] {
        assert_eq!(found(None, server, &set), Ok(String::new()), "{server}");
    }
}

#[test]
fn what_is_no_proxy_is_told_without_saying_what_it_is() {
    for (text, says) in [
        ("ftp://secret@proxy", "`proxy-url` begins with ftp://"),
        ("http://", "`proxy-url` is no address"),
        ("a b", "`proxy-url` is no address"),
    ] {
        let wrong = found(Some(text), "https://10.0.0.1", &[]).expect_err("it is none");
        assert!(wrong.starts_with(says), "{wrong}");
        assert!(!wrong.contains("secret"), "{wrong}");
    }
}
