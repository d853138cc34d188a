//! Proxies for whatever is asked of them, if the right name and password are given.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How a proxy is asked for a connection, and by whom it may be.
#[derive(Debug, Clone)]
pub enum Asked {
    /// With `CONNECT` and this `Proxy-Authorization`, as in `Basic dXNlcjpwYXNz`.
    Connect(String),
    /// By SOCKS 5 (RFC 1928), with this name and this password (RFC 1929).
    Socks(String, String),
}

/// One that listens as long as the test runs.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    carried: Arc<AtomicUsize>,
}

impl Proxy {
    /// It is asked like this.
    pub fn new(asked: &Asked) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let carried: Arc<AtomicUsize> = Arc::default();
        let (count, asked) = (Arc::clone(&carried), asked.clone());
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let (count, asked) = (Arc::clone(&count), asked.clone());
                // Who goes away meanwhile is nobody's fault.
                std::thread::spawn(move || carry(near, &asked, &count));
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

fn carry(mut near: TcpStream, asked: &Asked, count: &AtomicUsize) -> io::Result<()> {
    let mut head = BufReader::new(near.try_clone()?);
    let far = match asked {
        Asked::Connect(authorization) => connect(&mut head, &mut near, authorization)?,
        Asked::Socks(name, password) => socks(&mut head, &mut near, name, password)?,
    };
    let Some(mut far) = far else {
        return Ok(());
    };
    count.fetch_add(1, Ordering::Relaxed);
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

/// The connection that is asked for, if the right one asks.
fn connect(
    head: &mut BufReader<TcpStream>,
    near: &mut TcpStream,
    wanted: &str,
) -> io::Result<Option<TcpStream>> {
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
        near.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")?;
        return Ok(None);
    }
    let far = TcpStream::connect(to)?;
    near.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    Ok(Some(far))
}

/// The same in the words of RFC 1928 and RFC 1929.
fn socks(
    head: &mut impl Read,
    near: &mut impl Write,
    name: &str,
    password: &str,
) -> io::Result<Option<TcpStream>> {
    const BY_PASSWORD: u8 = 2;
    let [_version, methods] = bytes(head)?;
    let methods = some(head, methods)?;
    if !methods.contains(&BY_PASSWORD) {
        near.write_all(&[5, 0xff])?;
        return Ok(None);
    }
    near.write_all(&[5, BY_PASSWORD])?;
    let [_version, length] = bytes(head)?;
    let told_name = some(head, length)?;
    let [length] = bytes(head)?;
    let told_password = some(head, length)?;
    let is_right = told_name == name.as_bytes() && told_password == password.as_bytes();
    near.write_all(&[1, u8::from(!is_right)])?;
    if !is_right {
        return Ok(None);
    }
    let [_version, _command, _reserved, kind] = bytes(head)?;
    let host = match kind {
        1 => Ipv4Addr::from(bytes::<4>(head)?).to_string(),
        3 => {
            let [length] = bytes(head)?;
            String::from_utf8_lossy(&some(head, length)?).into_owned()
        }
        _ => return Err(io::Error::other("an address of another kind")),
    };
    let far = TcpStream::connect((host, u16::from_be_bytes(bytes(head)?)))?;
    near.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    Ok(Some(far))
}

fn bytes<const COUNT: usize>(from: &mut impl Read) -> io::Result<[u8; COUNT]> {
    let mut bytes = [0; COUNT];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn some(from: &mut impl Read, count: u8) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::from(count)];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}
