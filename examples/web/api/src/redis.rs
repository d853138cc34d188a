//! One command over Redis' protocol.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use crate::TIMEOUT;

/// Send a command; give the status, number or string that comes back.
pub(crate) fn ask(address: &str, words: &[&str]) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let strings = words
        .iter()
        .map(|word| format!("${}\r\n{word}\r\n", word.len()));
    let command = format!(
        "*{}\r\n{}",
        words.len(),
        strings.collect::<Vec<_>>().concat()
    );
    stream.write_all(command.as_bytes())?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let line = line.trim_end();
    let mut letters = line.chars();
    let (kind, rest) = (letters.next(), letters.as_str());
    match kind {
        Some('+' | ':') => Ok(rest.to_owned()),
        Some('$') => {
            let length: u64 = rest.parse().map_err(io::Error::other)?;
            let mut value = String::new();
            reader.take(length).read_to_string(&mut value)?;
            Ok(value)
        }
        _ => Err(io::Error::other(format!("redis: {line}"))),
    }
}
