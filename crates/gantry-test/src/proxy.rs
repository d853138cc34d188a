//! A proxy for whatever is asked of it with `CONNECT`, if the right name and password are given.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One that listens as long as the test runs.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    carried: Arc<AtomicUsize>,
}

impl Proxy {
    /// It wants this header, as in `Basic dXNlcjpwYXNz`.
    pub fn new(authorization: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let carried: Arc<AtomicUsize> = Arc::default();
        let (count, wanted) = (Arc::clone(&carried), authorization.to_owned());
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let (count, wanted) = (Arc::clone(&count), wanted.clone());
                // Who goes away meanwhile is nobody's fault.
                std::thread::spawn(move || carry(near, &wanted, &count));
            }
        });
        Self { address, carried }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections it has opened for others.
    pub fn carried(&self) -> usize {
        self.carried.load(Ordering::Relaxed)
    }
}

fn carry(mut near: TcpStream, wanted: &str, count: &AtomicUsize) -> io::Result<()> {
    let mut head = BufReader::new(near.try_clone()?);
    let mut line = String::new();
    head.read_line(&mut line)?;
    let to = line
        .strip_prefix("CONNECT ")
        .and_then(|rest| rest.split(' ').next());
    let to = to.unwrap_or_default().to_owned();
    let mut is_right = false;
    loop {
        let mut line = String::new();
        if head.read_line(&mut line)? <= 2 {
            break;
        }
        let header = line.split_once(": ");
        is_right |= header.is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case("proxy-authorization") && value.trim() == wanted
        });
    }
    if !is_right {
        return near.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    }
    let mut far = TcpStream::connect(to)?;
    count.fetch_add(1, Ordering::Relaxed);
    near.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let (mut from_far, to_near) = (far.try_clone()?, near.try_clone()?);
    let back = std::thread::spawn(move || {
        let _ = io::copy(&mut from_far, &mut near);
        let _ = to_near.shutdown(Shutdown::Write);
    });
    // What was read too early is in the reader.
    let _ = io::copy(&mut head, &mut far);
    let _ = far.shutdown(Shutdown::Write);
    back.join().map_err(|_| io::Error::other("it panicked"))
}
