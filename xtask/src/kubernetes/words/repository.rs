//! A repository of charts that asks for a password.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};

/// Who may read, in base64: `reader:right`.
const CREDENTIALS: &str = "Basic cmVhZGVyOnJpZ2h0";

/// Serves a folder as long as this program runs, and gives its address.
pub(super) fn serve(folder: PathBuf) -> anyhow::Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = format!("http://{}", listener.local_addr()?);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Who hangs up has not heard the answer.
            let _ = answer(stream, &folder);
        }
    });
    Ok(address)
}

fn answer(mut stream: TcpStream, folder: &Path) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap_or(Ok(String::new()))?;
    let path = first.split(' ').nth(1).unwrap_or("/");
    let path = path.trim_start_matches('/').to_owned();
    let mut allowed = false;
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        let header = line.split_once(": ");
        allowed |= header.is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case("authorization") && value == CREDENTIALS
        });
    }
    let (status, body) = match (allowed, std::fs::read(folder.join(path))) {
        (false, _) => ("401 Unauthorized", Vec::new()),
        (true, Ok(body)) => ("200 OK", body),
        (true, Err(_)) => ("404 Not Found", Vec::new()),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    stream.write_all(&body)
}
