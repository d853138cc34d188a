//! A service for tests and measurements, whose every step can be seen from outside.
//!
//! | words | what it does |
//! |---|---|
//! | `beat SOCKET` | sends its pid as a datagram to that Unix socket, and sleeps for ever |
//! | `count MILLISECONDS` | prints `1`, `2`, `3` … with that pause between |
//! | `floor COUNT PROGRAM ARGUMENT…` | starts that program so often, and waits: what no manager can be below |

#![expect(clippy::print_stderr, reason = "a service's log is its output")]

use std::io::{self, Write as _};
use std::os::unix::net::UnixDatagram;
use std::process::{Command, ExitCode};
use std::time::Duration;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["beat", socket] => beat(socket),
        ["count", pause] => match pause.parse() {
            Ok(pause) => count(Duration::from_millis(pause)),
            Err(error) => Err(io::Error::other(error)),
        },
        ["floor", count, program, words @ ..] => match count.parse() {
            Ok(count) => floor(count, program, words),
            Err(error) => Err(io::Error::other(error)),
        },
        _ => Err(io::Error::other(
            "usage: gantry-test-service beat SOCKET | count MILLISECONDS | floor COUNT PROGRAM …",
        )),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn beat(socket: &str) -> io::Result<()> {
    UnixDatagram::unbound()?.send_to(std::process::id().to_string().as_bytes(), socket)?;
    loop {
        std::thread::park();
    }
}

fn count(pause: Duration) -> io::Result<()> {
    for number in 1_u64.. {
        // Without a buffer, as a service that is killed at any instant wants it.
        let mut out = io::stdout().lock();
        writeln!(out, "{number}")?;
        out.flush()?;
        drop(out);
        std::thread::sleep(pause);
    }
    Ok(())
}

fn floor(count: usize, program: &str, words: &[&str]) -> io::Result<()> {
    let mut children = Vec::with_capacity(count);
    for _ in 0..count {
        children.push(Command::new(program).args(words).spawn()?);
    }
    for mut child in children {
        child.wait()?;
    }
    Ok(())
}
