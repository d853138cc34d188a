//! Talking to the store.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use crate::{Outcome, settings};

const TIMEOUT: Duration = Duration::from_secs(2);

/// A connection to the store.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connect to the store that the environment names.
    pub(crate) fn connect() -> Result<Self, String> {
        let address = settings::required("STORE")?;
        Self::connect_to(&address).map_err(|error| format!("store {address}: {error}"))
    }

    fn connect_to(address: &str) -> io::Result<Self> {
        let address: SocketAddr = address
            .to_socket_addrs()?
            .next()
            .ok_or_else(|| io::Error::other("the name has no address"))?;
        let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    /// One command, one answer.
    pub(crate) fn ask(&mut self, command: &str) -> io::Result<String> {
        self.stream
            .get_mut()
            .write_all(format!("{command}\n").as_bytes())?;
        let mut answer = String::new();
        if self.stream.read_line(&mut answer)? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        Ok(answer.trim_end().to_owned())
    }
}

/// `quickstart ping`: ask the store whether it is alive. The stack uses it as a command probe.
pub(crate) fn ping() -> Outcome {
    let answer = Client::connect()?.ask("PING")?;
    if answer == "PONG" {
        println!("{answer}");
        Ok(())
    } else {
        Err(format!("the store answered {answer:?}").into())
    }
}
