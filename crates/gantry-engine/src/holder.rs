//! Who holds a TCP port of this machine.
//!
//! The kernel tells which sockets listen (`/proc/net/tcp` and `tcp6`: local address, state `0A`,
//! inode), and which process has which socket open (`/proc/PID/fd`, links of the form
//! `socket:[INODE]`). An ordinary user sees the second part of its own processes only; then the
//! holder is known by its user at best.

#[cfg(test)]
mod tests;

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

/// A process, or what is known of it, that holds a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its process, if we may see it.
    pub pid: Option<u32>,
    /// Its name, as the kernel has it.
    pub program: Option<String>,
    /// The user that owns the socket.
    pub uid: Option<u32>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.pid, &self.program, self.uid) {
            (Some(pid), Some(program), _) => write!(f, "{program} (pid {pid})"),
            (Some(pid), None, _) => write!(f, "pid {pid}"),
            (None, _, Some(uid)) => write!(f, "a process of the user with id {uid}"),
            (None, _, None) => f.write_str("a process that cannot be seen"),
        }
    }
}

/// Whether a listener could be opened at this port on all of this machine's loopback addresses and
/// on the wildcard. Ports below 1024 that we may not bind count as free if nobody listens there.
pub fn is_free(port: u16) -> bool {
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
    match TcpListener::bind(address) {
        // The standard library sets SO_REUSEADDR: connections in TIME_WAIT do not count.
        Ok(listener) => {
            drop(listener);
            listening(port).is_empty()
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => listening(port).is_empty(),
        Err(_) => false,
    }
}

/// Whether somebody has this address, in words: `held by nginx (pid 7)`. One that may not be tried counts as free.
pub fn held(at: SocketAddr, datagram: bool) -> Option<String> {
    let free = if datagram {
        !UdpSocket::bind(at).is_err_and(|error| error.kind() == ErrorKind::AddrInUse)
    } else if at.ip().is_unspecified() {
        is_free(at.port())
    } else {
        !TcpListener::bind(at).is_err_and(|error| error.kind() == ErrorKind::AddrInUse)
    };
    if free {
        return None;
    }
    let holder = if datagram {
        holder_of_datagrams(at.port())
    } else {
        holder_of(at.port())
    };
    Some(holder.map_or("taken".to_owned(), |holder| format!("held by {holder}")))
}

/// Who listens at this port, if anyone does.
pub fn holder_of(port: u16) -> Option<Holder> {
    holder_among(&listening(port))
}

/// Who takes datagrams at this port, if anyone does.
pub fn holder_of_datagrams(port: u16) -> Option<Holder> {
    // A socket that is not connected is in state 7.
    let tables = ["/proc/net/udp", "/proc/net/udp6"].into_iter();
    let tables = tables.filter_map(|path| fs::read_to_string(path).ok());
    let sockets: Vec<Socket> = tables.flat_map(|table| parse(&table, port, "07")).collect();
    holder_among(&sockets)
}

/// Who listens at the Unix socket of this path, if that can be seen.
pub fn holder_of_path(path: &str) -> Option<Holder> {
    let table = fs::read_to_string("/proc/net/unix").ok()?;
    let mut lines = table.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        (words.get(7) == Some(&path)).then(|| words.get(6)?.parse::<u64>().ok())?
    });
    let pid = lines.find_map(process_with_socket)?;
    Some(Holder {
        pid: Some(pid),
        program: program_of(pid),
        uid: None,
    })
}

fn holder_among(sockets: &[Socket]) -> Option<Holder> {
    let first = sockets.first()?;
    for socket in sockets {
        if let Some(pid) = process_with_socket(socket.inode) {
            return Some(Holder {
                pid: Some(pid),
                program: program_of(pid),
                uid: Some(socket.uid),
            });
        }
    }
    Some(Holder {
        pid: None,
        program: None,
        uid: Some(first.uid),
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Socket {
    inode: u64,
    uid: u32,
}

fn listening(port: u16) -> Vec<Socket> {
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .flat_map(|table| parse_listeners(&table, port))
        .collect()
}

/// The listeners at `port` in a table of the form of `/proc/net/tcp`.
fn parse_listeners(table: &str, port: u16) -> Vec<Socket> {
    parse(table, port, "0A")
}

fn parse(table: &str, port: u16, wanted: &str) -> Vec<Socket> {
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut words = line.split_ascii_whitespace().skip(1);
            let local = words.next()?;
            let state = words.nth(1)?;
            let uid = words.nth(3)?;
            let inode = words.nth(1)?;
            let (_, hex) = local.rsplit_once(':')?;
            (state == wanted && u16::from_str_radix(hex, 16) == Ok(port)).then_some(())?;
            Some(Socket {
                inode: inode.parse().ok()?,
                uid: uid.parse().ok()?,
            })
        })
        .collect()
}

/// Of several the one that the others come from: a child has its parent's sockets until it has come to its
/// program.
fn process_with_socket(inode: u64) -> Option<u32> {
    let wanted = format!("socket:[{inode}]");
    let holds = |entry: &fs::DirEntry| {
        let descriptors = fs::read_dir(entry.path().join("fd"));
        descriptors
            .into_iter()
            .flatten()
            .flatten()
            .any(|descriptor| {
                fs::read_link(descriptor.path())
                    .is_ok_and(|link| link.as_os_str() == wanted.as_str())
            })
    };
    let entries = fs::read_dir("/proc").ok()?.flatten();
    let pids = entries.filter_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        holds(&entry).then_some(pid)
    });
    let pids: Vec<u32> = pids.collect();
    let is_root = |pid: &&u32| parent_of(**pid).is_none_or(|parent| !pids.contains(&parent));
    pids.iter().find(is_root).or(pids.first()).copied()
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in brackets, and may have brackets and blanks.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

fn program_of(pid: u32) -> Option<String> {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(name.trim_end().to_owned())
}
