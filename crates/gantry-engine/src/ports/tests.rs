use super::*;

use std::net::TcpListener;

struct Fixture {
    dir: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    fn ledger(&self, stack: &str) -> PortLedger {
        let home = Utf8Path::from_path(self.dir.path()).expect("a path in UTF-8");
        let folder = home.join(stack);
        std::fs::create_dir_all(&folder).expect("the stack's folder");
        PortLedger::new(home.join("ports.json"), &folder)
    }
}

fn owner(instance: &str) -> PortOwner {
    PortOwner {
        instance: instance.to_owned(),
        port: "http".to_owned(),
    }
}

#[test]
fn an_owner_keeps_its_port_and_two_stacks_never_share_one() {
    let fixture = Fixture::new();
    let (one, two) = (fixture.ledger("one"), fixture.ledger("two"));
    let first = one.draw(&[owner("api.1"), owner("api.2")]).expect("ports");
    let again = one.draw(&[owner("api.2"), owner("api.1")]).expect("ports");
    assert_eq!(first, [again[1], again[0]]);
    let other = two.draw(&[owner("api.1"), owner("api.2")]).expect("ports");
    let all: HashSet<_> = first.iter().chain(&other).collect();
    assert_eq!(all.len(), 4, "{first:?} and {other:?}");
}

#[test]
fn many_at_once_never_get_the_same() {
    let fixture = Fixture::new();
    let ledgers: Vec<_> = (0..8).map(|n| fixture.ledger(&format!("s{n}"))).collect();
    let drawn: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = ledgers
            .iter()
            .map(|ledger| {
                scope.spawn(|| {
                    let owners: Vec<_> = (0..10).map(|n| owner(&format!("api.{n}"))).collect();
                    ledger.draw(&owners).expect("ports")
                })
            })
            .collect();
        let ended = threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"));
        ended.flatten().collect()
    });
    let different: HashSet<_> = drawn.iter().collect();
    assert_eq!(different.len(), 80);
}

#[test]
fn a_strangers_port_is_passed_over_and_can_be_left() {
    let fixture = Fixture::new();
    let ledger = fixture.ledger("one");
    let port = ledger.draw(&[owner("api.1")]).expect("a port")[0];
    let _stranger = TcpListener::bind(("127.0.0.1", port)).expect("it was free");
    assert_eq!(ledger.draw(&[owner("api.1")]).expect("a port"), [port]);
    let other = ledger.redraw(&owner("api.1")).expect("another");
    assert_ne!(other, port);
    assert_eq!(ledger.draw(&[owner("api.1")]).expect("a port"), [other]);
}

#[test]
fn what_is_released_is_not_given_to_the_next_at_once() {
    let fixture = Fixture::new();
    let (one, two) = (fixture.ledger("one"), fixture.ledger("two"));
    let port = one.draw(&[owner("api.1")]).expect("a port")[0];
    one.release().expect("released");
    assert_ne!(two.draw(&[owner("api.1")]).expect("a port"), [port]);
}

#[test]
fn only_what_is_not_kept_is_released() {
    let fixture = Fixture::new();
    let ledger = fixture.ledger("one");
    let ports = ledger
        .draw(&[owner("api.1"), owner("db.1")])
        .expect("ports");
    ledger
        .retain(|owner| owner.instance == "db.1")
        .expect("released");
    let again = ledger
        .draw(&[owner("db.1"), owner("api.1")])
        .expect("ports");
    assert_eq!(again[0], ports[1]);
    assert_ne!(again[1], ports[0]);
}

#[test]
fn a_torn_ledger_is_set_aside() {
    let fixture = Fixture::new();
    let ledger = fixture.ledger("one");
    std::fs::write(&ledger.path, "{\"version\":1,").expect("written");
    ledger.draw(&[owner("api.1")]).expect("a port");
    assert!(Utf8PathBuf::from(format!("{}.broken", ledger.path)).exists());
}

#[test]
fn a_range_without_a_free_port_says_so() {
    let fixture = Fixture::new();
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let home = Utf8Path::from_path(fixture.dir.path()).expect("a path in UTF-8");
    let range = PortRange::between(port, port);
    let ledger = PortLedger::within(home.join("ports.json"), home, range);
    let error = ledger.draw(&[owner("api.1")]).expect_err("none is free");
    assert_eq!(
        error.to_string(),
        format!("failed to draw a port: all of the ports {port} to {port} are taken")
    );
}

#[test]
fn the_range_leaves_out_the_kernels_own() {
    let range = PortRange::of_this_machine();
    let text =
        std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").expect("the range");
    let ephemeral: u16 = text
        .split_whitespace()
        .next()
        .expect("a word")
        .parse()
        .expect("a port");
    assert!(range.from(0).all(|port| port != ephemeral));
    assert_eq!(range.from(0).next(), Some(10_000));
}

#[test]
fn two_users_begin_at_different_places() {
    let next = |home: &str| {
        let home = Utf8Path::new(home);
        PortLedger::new(home.join("ports.json"), home).begin().next
    };
    assert_ne!(next("/home/one"), next("/home/two"));
    assert!(next("/home/one") >= 10_000);
}
