//! Sockets that are opened once, whoever is started, restarted or killed meanwhile.

use std::io::{ErrorKind, Read as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;

use gantry_keeper::protocol::{EventBody, Refusal, Reply, Request, Socket};

use crate::support::*;

const FIXTURE: &str = env!("CARGO_BIN_EXE_keeper-fixture");

fn socket(name: &str, listen: &str, datagram: bool) -> Socket {
    Socket {
        name: name.into(),
        listen: listen.into(),
        datagram,
    }
}

/// An address that was free a moment ago.
fn address() -> String {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().to_string()
}

fn connect_to(address: &str) -> TcpStream {
    let client = TcpStream::connect(address).unwrap();
    let patience = Some(std::time::Duration::from_secs(20));
    client.set_read_timeout(patience).unwrap();
    client
}

fn answer(mut client: TcpStream) -> String {
    let mut said = String::new();
    client.read_to_string(&mut said).unwrap();
    said
}

impl Stack {
    fn serve(&mut self, generation: u32, address: &str) {
        let mut command = command(&[FIXTURE, "serve", &generation.to_string()]);
        command.sockets = vec![socket("web", address, false)];
        let reply = self.client.ask(spawn("a.1", generation, command)).unwrap();
        assert_eq!(reply, Reply::Done);
    }

    fn end(&mut self, wanted: u32) {
        self.stop("a.1", wanted, 1000);
        self.until(|body| match body {
            EventBody::Stopped { generation, .. } if *generation == wanted => Some(()),
            EventBody::SpawnFailed { failure, .. } => panic!("{}", failure.message),
            _ => None,
        });
    }

    fn release(&mut self) -> Result<Reply, gantry_keeper::client::ClientError> {
        let service = "a".to_owned();
        self.client.ask(Request::Release { service })
    }
}

#[test]
fn nobody_is_refused_until_it_is_released() {
    for trees in [Trees::Best, Trees::Lineage] {
        let mut stack = Stack::with(trees);
        let address = address();
        stack.serve(1, &address);
        assert_eq!(answer(connect_to(&address)), "1");
        stack.end(1);
        // Nobody runs, and then there is another keeper: this one waits.
        let early = connect_to(&address);
        let keeper = stack.client.welcome().keeper_pid;
        kill(keeper);
        stack.reconnect_after(keeper);
        let late = connect_to(&address);
        stack.serve(2, &address);
        assert_eq!(answer(early), "2");
        assert_eq!(answer(late), "2");
        let refusal = refused(stack.release());
        assert!(matches!(refusal, Refusal::NotOver { .. }), "{refusal}");
        stack.end(2);
        assert_eq!(stack.release().unwrap(), Reply::Done);
        let error = TcpStream::connect(&address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        // What was released is not in the ledger either.
        let keeper = stack.client.welcome().keeper_pid;
        kill(keeper);
        stack.reconnect_after(keeper);
        assert!(TcpStream::connect(&address).is_err());
    }
}

#[test]
fn it_stays_open_when_the_keeper_becomes_the_guard() {
    let mut stack = Stack::new();
    let address = address();
    stack.serve(1, &address);
    stack.end(1);
    let early = connect_to(&address);
    stack.lose_guard();
    let late = connect_to(&address);
    stack.serve(2, &address);
    assert_eq!(answer(early), "2");
    assert_eq!(answer(late), "2");
}

#[test]
fn a_new_guard_has_it_from_the_instance_that_runs() {
    let mut stack = Stack::new();
    let address = address();
    stack.serve(1, &address);
    assert_eq!(answer(connect_to(&address)), "1");
    stack.lose_guard_and_keeper();
    stack.new_guard();
    stack.end(1);
    let waits = connect_to(&address);
    stack.serve(2, &address);
    assert_eq!(answer(waits), "2");
}

#[test]
fn what_is_no_longer_named_is_closed() {
    let mut stack = Stack::new();
    let (before, after) = (address(), address());
    stack.serve(1, &before);
    stack.end(1);
    drop(connect_to(&before));
    stack.serve(2, &after);
    assert_eq!(answer(connect_to(&after)), "2");
    assert!(TcpStream::connect(&before).is_err());
}

#[test]
fn every_kind_is_passed_under_its_name() {
    let mut stack = Stack::new();
    let (tcp, udp) = (address(), address());
    let path = path(&stack, "web.sock");
    // What a process that was killed has left behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let mut command = command(&[
        "sh",
        "-c",
        "test $LISTEN_PID = $$ && echo $LISTEN_FDS $LISTEN_FDNAMES; \
         for fd in 3 4 5 6; do test -S /proc/self/fd/$fd && echo $fd; done; sleep 1000",
    ]);
    command.sockets = vec![
        socket("web", &tcp, false),
        socket("local", path.as_str(), false),
        socket("names", &udp, true),
    ];
    stack.client.ask(spawn("a.1", 1, command)).unwrap();
    stack.printed("a.1", "5");
    assert_eq!(stack.lines("a.1"), ["3 web:local:names", "3", "4", "5"]);
    connect_to(&tcp);
    UnixStream::connect(&path).unwrap();
    let taken = UdpSocket::bind(&udp).unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AddrInUse);
    stack.end(1);
    assert_eq!(stack.release().unwrap(), Reply::Done);
    assert!(!path.exists());
    UdpSocket::bind(&udp).unwrap();
}

#[test]
fn a_descriptor_is_promised_once() {
    let mut stack = Stack::new();
    let mut command = command(&["sleep", "1000"]);
    command.sockets = vec![socket("web", &address(), false)];
    command.voice.fd = Some(3);
    stack.client.ask(spawn("a.1", 1, command)).unwrap();
    let message = stack.until(|body| match body {
        EventBody::SpawnFailed { failure, .. } => Some(failure.message.clone()),
        _ => None,
    });
    let wanted = "descriptor 3 is one of its sockets: tell readiness at 4 or a higher one";
    assert_eq!(message, wanted);
}

#[test]
fn an_address_in_use_is_a_start_that_failed() {
    let mut stack = Stack::new();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap().to_string();
    stack.serve(1, &address);
    let message = stack.until(|body| match body {
        EventBody::SpawnFailed { failure, .. } => Some(failure.message.clone()),
        _ => None,
    });
    let wanted = format!("cannot listen on {address} (`web`): Address already in use");
    assert!(message.starts_with(&wanted), "{message}");
}
