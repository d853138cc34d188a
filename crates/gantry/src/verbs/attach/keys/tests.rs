use super::*;

fn watch(keys: &str) -> Watch {
    Watch::new(keys.parse().unwrap())
}

#[test]
fn keys_are_letters_alone_or_with_ctrl() {
    let keys = |text: &str| text.parse::<DetachKeys>().map(|keys| keys.0);
    assert_eq!(keys("ctrl-p,ctrl-q"), Ok(vec![0x10, 0x11]));
    assert_eq!(keys("ctrl-a,d"), Ok(vec![1, b'd']));
    assert_eq!(
        keys("ctrl-],ctrl-\\,ctrl-@,ctrl-Z"),
        Ok(vec![0x1d, 0x1c, 0, 0x1a])
    );
    assert_eq!(keys("~,."), Ok(b"~.".to_vec()));
    assert_eq!(keys(""), Ok(Vec::new()));
    for wrong in ["ctrl-", "ctrl-1", "alt-x", "ctrl-p,", "ü", "ctrl-pq"] {
        assert!(keys(wrong).unwrap_err().contains("is no key"), "{wrong}");
    }
}

#[test]
fn what_only_begins_like_the_keys_goes_on() {
    let mut watch = watch("ctrl-p,ctrl-q");
    assert_eq!(watch.pass(b"ls\x10"), (b"ls".to_vec(), false));
    assert_eq!(watch.pass(b"x"), (b"\x10x".to_vec(), false));
    // The first may be typed twice, and then both.
    assert_eq!(watch.pass(b"\x10\x10"), (b"\x10".to_vec(), false));
    assert_eq!(watch.pass(b"\x11 more"), (Vec::new(), true));
}

#[test]
fn keys_that_begin_within_themselves_are_found() {
    let mut watch = watch("a,a,b");
    assert_eq!(watch.pass(b"aaab"), (b"a".to_vec(), true));
}

#[test]
fn without_keys_nothing_leaves() {
    let mut watch = watch("");
    assert_eq!(watch.pass(b"\x10\x11"), (b"\x10\x11".to_vec(), false));
}
