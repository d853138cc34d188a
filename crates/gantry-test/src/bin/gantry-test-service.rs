//! A service for tests and measurements, whose every step can be seen from outside.
//!
//! | words | what it does |
//! |---|---|
//! | `beat SOCKET` | sends its pid as a datagram to that Unix socket, and sleeps for ever |
//! | `count MILLISECONDS` | prints `1`, `2`, `3` … with that pause between |
//! | `floor COUNT PROGRAM ARGUMENT…` | starts that program so often, and waits: what no manager can be below |
//! | `line` | writes a line to the descriptor `GANTRY_READY_FD`, and sleeps for ever |
//! | `say TEXT…` | sends each text to `NOTIFY_SOCKET`, and sleeps for ever |
//! | `live MILLISECONDS FILE` | says that it is ready, then that it is alive with that pause between, while FILE exists |

#![expect(clippy::print_stderr, reason = "a service's log is its output")]

use std::io::{self, Write as _};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
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
        ["line"] => line(),
        ["say", texts @ ..] => texts
            .iter()
            .try_for_each(|text| say(text))
            .and_then(|()| sleep()),
        ["live", pause, file] => match pause.parse() {
            Ok(pause) => live(Duration::from_millis(pause), file),
            Err(error) => Err(io::Error::other(error)),
        },
        _ => Err(io::Error::other(
            "usage: gantry-test-service beat SOCKET | count MILLISECONDS | floor COUNT PROGRAM … | line | say TEXT… | live MILLISECONDS FILE",
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
    sleep()
}

fn sleep() -> io::Result<()> {
    loop {
        std::thread::park();
    }
}

fn variable(name: &str) -> io::Result<String> {
    std::env::var(name).map_err(|error| io::Error::other(format!("{name}: {error}")))
}

fn line() -> io::Result<()> {
    let fd = variable("GANTRY_READY_FD")?;
    // A descriptor is a path here, so that no unsafe code is needed to use it.
    std::fs::OpenOptions::new()
        .write(true)
        .open(format!("/proc/self/fd/{fd}"))?
        .write_all(b"\n")?;
    sleep()
}

fn say(text: &str) -> io::Result<()> {
    let name = variable("NOTIFY_SOCKET")?;
    let socket = UnixDatagram::unbound()?;
    let sent = match name.strip_prefix('@') {
        Some(name) => {
            socket.send_to_addr(text.as_bytes(), &SocketAddr::from_abstract_name(name)?)?
        }
        None => socket.send_to(text.as_bytes(), name)?,
    };
    assert_eq!(sent, text.len(), "a datagram is sent whole");
    Ok(())
}

fn live(pause: Duration, file: &str) -> io::Result<()> {
    say("READY=1\nSTATUS=alive")?;
    while std::path::Path::new(file).exists() {
        say("WATCHDOG=1")?;
        std::thread::sleep(pause);
    }
    say("STATUS=hung")?;
    sleep()
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
