use super::*;

#[test]
fn a_name_may_contain_anything() {
    let text = b"12 (a) b (c) D 3 4 5 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 777 1 2\n";
    let stat = Stat::parse(text).unwrap();
    assert_eq!(stat.name, "a) b (c");
    assert_eq!(
        (
            stat.pid,
            stat.state,
            stat.parent,
            stat.group,
            stat.session,
            stat.start_time
        ),
        (12, 'D', 3, 4, 5, 777)
    );
}

#[test]
fn we_are_alive_and_someone_else_is_not_us() {
    let me = stat(std::process::id()).unwrap().process();
    assert!(me.is_alive());
    let other = ProcessRef {
        start_time: me.start_time + 1,
        ..me
    };
    assert!(!other.exists());
}

#[test]
fn noise_is_no_stat() {
    for noise in [
        "",
        "1",
        "1 (",
        "1 (a",
        "1 (a) ",
        "1 (a) S x",
        ")(",
        "1 (a) S 1 2 3",
    ] {
        assert_eq!(Stat::parse(noise.as_bytes()), None, "{noise}");
    }
}
