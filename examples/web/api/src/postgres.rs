//! One query over PostgreSQL's protocol, version 3, for a server that trusts us.

use std::io::{self, BufReader, Read, Write as _};
use std::net::TcpStream;

use crate::TIMEOUT;

/// The rows of a query's answer, every value as text.
pub(crate) fn query(address: &str, sql: &str) -> io::Result<Vec<Vec<String>>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let mut hello = 196_608_u32.to_be_bytes().to_vec();
    hello.extend_from_slice(b"user\0web\0database\0postgres\0\0");
    stream.write_all(&with_length(&hello))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    until_ready(&mut reader)?;
    let mut question = sql.as_bytes().to_vec();
    question.push(0);
    stream.write_all(&[b"Q".as_slice(), &with_length(&question)].concat())?;
    let rows = until_ready(&mut reader)?;
    stream.write_all(&[b"X".as_slice(), &with_length(&[])].concat())?;
    Ok(rows)
}

/// A message's length counts itself.
fn with_length(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("a query is short");
    [length.to_be_bytes().as_slice(), body].concat()
}

/// Read messages until the server waits for the next query; keep the rows among them.
fn until_ready(reader: &mut impl Read) -> io::Result<Vec<Vec<String>>> {
    let mut rows = Vec::new();
    loop {
        let mut kind = [0];
        reader.read_exact(&mut kind)?;
        let length = number(reader)?;
        let length = usize::try_from(length)
            .map_err(io::Error::other)?
            .saturating_sub(4);
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        match kind[0] {
            b'Z' => return Ok(rows),
            b'D' => rows.push(row(&body)?),
            b'E' => {
                let text = String::from_utf8_lossy(&body).replace('\0', " ");
                return Err(io::Error::other(format!("postgres: {}", text.trim())));
            }
            b'R' if body != [0; 4] => {
                return Err(io::Error::other("postgres wants a password"));
            }
            _ => {}
        }
    }
}

fn row(mut body: &[u8]) -> io::Result<Vec<String>> {
    let mut count = [0; 2];
    body.read_exact(&mut count)?;
    let mut values = Vec::new();
    for _ in 0..u16::from_be_bytes(count) {
        let length = number(&mut body)?;
        let mut value = String::new();
        if let Ok(length) = u64::try_from(length) {
            (&mut body).take(length).read_to_string(&mut value)?;
        } else {
            value.push_str("null");
        }
        values.push(value);
    }
    Ok(values)
}

fn number(reader: &mut impl Read) -> io::Result<i32> {
    let mut bytes = [0; 4];
    reader.read_exact(&mut bytes)?;
    Ok(i32::from_be_bytes(bytes))
}
