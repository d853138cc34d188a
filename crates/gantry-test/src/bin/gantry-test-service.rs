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
//! | `serve` | answers every connection to the socket it is passed with its pid |
//! | `work FOLDER NAME KIND` | keeps a book in that folder of what it did, for `xtask torture` |

#![expect(clippy::print_stderr, reason = "a service's log is its output")]

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

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
        ["serve"] => serve(),
        ["say", texts @ ..] => texts
            .iter()
            .try_for_each(|text| say(text))
            .and_then(|()| sleep()),
        ["live", pause, file] => match pause.parse() {
            Ok(pause) => live(Duration::from_millis(pause), file),
            Err(error) => Err(io::Error::other(error)),
        },
        ["work", folder, name, kind] => match work(Path::new(folder), name, kind) {
            Ok(code) => return code.into(),
            Err(error) => Err(error),
        },
        _ => Err(io::Error::other(
            "usage: gantry-test-service beat SOCKET | count MILLISECONDS | floor COUNT PROGRAM … | line | say TEXT… | serve | live MILLISECONDS FILE | work FOLDER NAME KIND",
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
    OpenOptions::new()
        .write(true)
        .open(format!("/proc/self/fd/{fd}"))?
        .write_all(b"\n")?;
    sleep()
}

fn serve() -> io::Result<()> {
    let pid = std::process::id();
    if variable("LISTEN_PID")? != pid.to_string() {
        return Err(io::Error::other("the sockets are somebody else's"));
    }
    // A copy, since only a number is promised, and to take that as it is needs unsafe code.
    let own = pidfd_open(getpid(), PidfdFlags::empty())?;
    let socket = pidfd_getfd(own, 3, PidfdGetfdFlags::empty())?;
    for client in TcpListener::from(socket).incoming() {
        // A client that is gone is no reason to end.
        let _ = client?.write_all(pid.to_string().as_bytes());
    }
    Ok(())
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
    while Path::new(file).exists() {
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

/// Print numbered lines, and write down what was done: `NAME.starts` has a line a start (its number,
/// pid, and milliseconds of Unix time), `NAME.ends` one for each that ended by itself (its number,
/// its code, how many lines). A line is `START:NUMBER`.
///
/// | kind | what it does |
/// |---|---|
/// | `steady` | goes on for ever |
/// | `fork` | likewise, with a child that waits for its end |
/// | `crash` | ends after a while with a code that depends on the start's number |
/// | `once` | likewise |
fn work(folder: &Path, name: &str, kind: &str) -> io::Result<u8> {
    // Only one start at a time may live.
    let lock = File::create(folder.join(format!("{name}.lock")))?;
    if rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err() {
        note(folder, "doubled", &format!("{name} {}", std::process::id()))?;
        return Ok(100);
    }
    let starts = folder.join(format!("{name}.starts"));
    let before = std::fs::read_to_string(&starts).unwrap_or_default();
    let start = before.lines().count() + 1;
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis());
    note(
        folder,
        &format!("{name}.starts"),
        &format!("{start} {} {now}", std::process::id()),
    )?;
    if kind == "fork" {
        // It sleeps in the same tree, and holds the same pipes.
        Command::new("sleep").arg("1000").spawn()?;
    }
    let last = match kind {
        "crash" | "once" => Some(10 + (start * 13 + name.len() * 7) % 40),
        _ => None,
    };
    let mut number = 0;
    while last.is_none_or(|last| number < last) {
        number += 1;
        let mut out = io::stdout().lock();
        out.write_all(format!("{start}:{number}\n").as_bytes())?;
        out.flush()?;
        drop(out);
        std::thread::sleep(Duration::from_millis(10));
    }
    let code = u8::try_from(10 + start % 50).unwrap_or(10);
    note(
        folder,
        &format!("{name}.ends"),
        &format!("{start} {code} {number}"),
    )?;
    Ok(code)
}

/// Append one line in one write.
fn note(folder: &Path, file: &str, line: &str) -> io::Result<()> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join(file))?
        .write_all(format!("{line}\n").as_bytes())
}
