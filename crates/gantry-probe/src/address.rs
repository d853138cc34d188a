//! Where a probe connects to.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use tokio::net::TcpStream;

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// A name or an address; an IPv6 address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// Why a text is no [`Address`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address: expected HOST:PORT, with IPv6 addresses in brackets")]
pub struct AddressError(String);

impl Address {
    /// The port `port` of `host`.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
        }
    }

    /// That port of this machine.
    pub fn local(port: u16) -> Self {
        Self::new("127.0.0.1", port)
    }

    /// Connects. `localhost` is tried in both families without asking a resolver, which would take
    /// a thread for each probe.
    pub(crate) async fn connect(&self) -> io::Result<TcpStream> {
        let stream = if self.host == "localhost" {
            let both = [
                SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), self.port),
                SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), self.port),
            ];
            match TcpStream::connect(both[0]).await {
                Ok(stream) => stream,
                // What is said of the first is what people expect to read.
                Err(first) => TcpStream::connect(both[1]).await.map_err(|_| first)?,
            }
        } else {
            TcpStream::connect((self.host.as_str(), self.port)).await?
        };
        if is_connected_to_itself(&stream) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        Ok(stream)
    }

    /// Why a connection failed, as a sentence.
    pub(crate) fn refusal(&self, error: &io::Error) -> String {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => format!("connection refused by {self}"),
            io::ErrorKind::ConnectionReset => format!("connection reset by {self}"),
            _ => format!("cannot connect to {self}: {}", said(error)),
        }
    }
}

/// A port of the ephemeral range that nobody listens on may be given to the connecting socket
/// itself, and the kernel then connects it with itself: nobody answered.
fn is_connected_to_itself(stream: &TcpStream) -> bool {
    matches!((stream.local_addr(), stream.peer_addr()), (Ok(local), Ok(peer)) if local == peer)
}

/// An I/O error without the number that the standard library adds.
pub(crate) fn said(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let wrong = || AddressError(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        if host.is_empty() || (bare.is_none() && host.contains([':', '[', ']'])) {
            return Err(wrong());
        }
        Ok(Self {
            host: bare.unwrap_or(host).to_owned(),
            port: port.parse().map_err(|_| wrong())?,
        })
    }
}
