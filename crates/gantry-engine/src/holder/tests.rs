use super::*;

#[test]
fn a_listener_of_ours_is_found_with_its_pid() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    assert!(!is_free(port));
    let holder = holder_of(port).expect("it is held");
    assert_eq!(holder.pid, Some(std::process::id()));
    assert!(holder.to_string().contains("pid "));
    drop(listener);
    assert!(is_free(port));
    assert_eq!(holder_of(port), None);
}

#[test]
fn a_listener_on_the_other_family_counts_too() {
    let Ok(listener) = TcpListener::bind(("::1", 0)) else {
        eprintln_skipped("IPv6 on the loopback device");
        return;
    };
    let port = listener.local_addr().expect("its address").port();
    assert!(!is_free(port));
}

#[expect(clippy::print_stderr, reason = "a test says what it could not do")]
fn eprintln_skipped(what: &str) {
    eprintln!("skipped: needs {what}");
}

#[test]
fn the_kernels_table_is_read_by_its_columns() {
    let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
        0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0 100 0 0 10 0\n   \
        1: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000  1000        0 4243 1 0 100 0 0 10 0\n   \
        2: torn";
    let found = parse_listeners(table, 8080);
    assert_eq!(
        found,
        [Socket {
            inode: 4242,
            uid: 1000
        }]
    );
    assert_eq!(parse_listeners(table, 8081), []);
}

#[test]
fn who_has_an_address_is_told_and_other_addresses_are_free() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let at = listener.local_addr().expect("its address");
    let told = held(at, false).expect("it is held");
    assert!(told.contains(&std::process::id().to_string()), "{told}");
    let other = |address: [u8; 4]| SocketAddr::new(IpAddr::from(address), at.port());
    assert!(held(other([0, 0, 0, 0]), false).is_some());
    assert_eq!(held(other([127, 0, 0, 9]), false), None);
    assert_eq!(held(at, true), None, "datagrams are another matter");
    let socket = UdpSocket::bind(at).expect("a port");
    assert!(held(at, true).is_some_and(|told| told.starts_with("held by ")));
    drop(socket);
}
