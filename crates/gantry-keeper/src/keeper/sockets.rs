//! Sockets that are opened once for a service, and outlive its instances.
//!
//! A client that connects while the service is being restarted waits in the socket's queue, and is not
//! refused. The descriptor is in the table that is shared with the guard, and in the ledger, so that the
//! next keeper has the same socket. After guard and keeper were both killed, it is fetched back from an
//! instance that still has it.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;

use gantry_sys::{Environment, Passed, ProcessRef, SpawnError, Stage};

use super::run::{Run, RunId, What};
use super::{Keeper, written_down};
use crate::ledger::Entry;
use crate::protocol::{Command, InstanceName, Refusal, Reply, Socket};
use crate::report::report;

/// The first descriptor that is passed in.
const FIRST: u16 = 3;

/// A socket that is open.
#[derive(Debug)]
pub(super) struct Opened {
    service: String,
    socket: Socket,
    fd: OwnedFd,
}

impl Opened {
    pub(super) fn into_fd(self) -> OwnedFd {
        self.fd
    }

    fn entry(&self) -> Entry {
        Entry::Socket {
            service: self.service.clone(),
            socket: self.socket.clone(),
            fd: written_down(&self.fd),
        }
    }
}

/// Tell a service which sockets it is passed. Answers whether there are any.
pub(super) fn give_sockets(wanted: &[Socket], passed: &[usize], env: &mut Environment) -> bool {
    if passed.is_empty() {
        return false;
    }
    let names: Vec<&str> = wanted.iter().map(|socket| socket.name.as_str()).collect();
    env.set("LISTEN_FDS", &passed.len().to_string());
    env.set("LISTEN_FDNAMES", &names.join(":"));
    true
}

/// Some of those that are open, at the numbers that they are promised at.
pub(super) fn passed<'a>(
    open: &'a [Opened],
    which: &'a [usize],
) -> impl Iterator<Item = Passed<'a>> {
    let these = which.iter().filter_map(|index| open.get(*index));
    (i32::from(FIRST)..)
        .zip(these)
        .map(|(number, these)| Passed {
            fd: these.fd.as_fd(),
            number,
        })
}

impl Keeper<'_> {
    /// The sockets that an instance is to be passed, as places in the list of those that are open.
    /// Those that are not open yet are opened. A job has none.
    pub(super) fn sockets_of(
        &mut self,
        run: &mut Run,
        command: &Command,
        ready: Option<u16>,
    ) -> Result<Vec<usize>, SpawnError> {
        let What::Instance { name, .. } = &run.what else {
            return Ok(Vec::new());
        };
        let wanted = &command.sockets;
        let end = usize::from(FIRST) + wanted.len();
        if let Some(fd) = ready.filter(|fd| *fd >= FIRST && usize::from(*fd) < end) {
            let message = format!(
                "descriptor {fd} is one of its sockets: tell readiness at {end} or a higher one"
            );
            return Err(SpawnError::new(Stage::Arguments, 0, message));
        }
        let service = name.service();
        run.sockets.clone_from(wanted);
        self.close_unnamed(service, wanted);
        let all = wanted.iter();
        all.map(|socket| self.opened(service, socket)).collect()
    }

    fn opened(&mut self, service: &str, socket: &Socket) -> Result<usize, SpawnError> {
        let is = |open: &Opened| open.service == service && open.socket == *socket;
        if let Some(known) = self.sockets.iter().position(is) {
            return Ok(known);
        }
        let fd = open(socket).map_err(|error| {
            let errno = error.raw_os_error().unwrap_or(0);
            let Socket { name, listen, .. } = socket;
            let message = format!("cannot listen on {listen} (`{name}`): {error}");
            SpawnError::new(Stage::Prepare, errno, message)
        })?;
        self.keep(service.to_owned(), socket.clone(), fd);
        Ok(self.sockets.len() - 1)
    }

    /// Close what neither the instance that is about to start nor any other of its service names any
    /// more: whoever connected there would wait for ever.
    fn close_unnamed(&mut self, service: &str, wanted: &[Socket]) {
        let unnamed = |open: &Opened| open.service == service && !wanted.contains(&open.socket);
        if !self.sockets.iter().any(unnamed) {
            return;
        }
        let all = self.instances.iter();
        let ids = all.filter(|(name, _)| name.service() == service);
        let runs = ids.filter_map(|(_, id)| self.runs.get(id));
        let named: Vec<&Socket> = runs.flat_map(|run| &run.sockets).collect();
        let (closed, kept) = std::mem::take(&mut self.sockets)
            .into_iter()
            .partition(|open| unnamed(open) && !named.contains(&&open.socket));
        self.sockets = kept;
        self.close(service, closed);
    }

    /// Close these of a service, and write down which are left.
    fn close(&mut self, service: &str, closed: Vec<Opened>) {
        if closed.is_empty() {
            return;
        }
        for Opened { socket, .. } in closed {
            if socket.listen.starts_with('/') {
                // It answers nobody any more. What cannot be removed is replaced at the next start.
                let _ = std::fs::remove_file(&socket.listen);
            }
        }
        self.note(&Entry::Released {
            service: service.to_owned(),
        });
        let left = self.sockets.iter().filter(|open| open.service == service);
        let left: Vec<Entry> = left.map(Opened::entry).collect();
        for entry in &left {
            self.note(entry);
        }
    }

    fn keep(&mut self, service: String, socket: Socket, fd: OwnedFd) {
        let opened = Opened {
            service,
            socket,
            fd,
        };
        self.note(&opened.entry());
        self.sockets.push(opened);
    }

    /// Their numbers, for those that close what is not known.
    pub(super) fn socket_fds(&self) -> impl Iterator<Item = i32> {
        self.sockets.iter().map(|open| open.fd.as_raw_fd())
    }

    /// Take the sockets over from a keeper that died.
    pub(super) fn take_sockets(
        &mut self,
        found: Vec<(String, Socket, (i32, u64))>,
        same_guard: bool,
    ) {
        for (service, socket, (fd, inode)) in found {
            let taken = if same_guard {
                gantry_sys::claim(fd, inode)
            } else {
                self.fetch(&service, inode)
            };
            if let Some(fd) = taken {
                self.keep(service, socket, fd);
            }
        }
    }

    /// A socket back from an instance of the service that still has it.
    fn fetch(&self, service: &str, inode: u64) -> Option<OwnedFd> {
        let names = self.instances.iter();
        let ids = names.filter(|(name, _)| name.service() == service);
        let leaders = ids.filter_map(|(_, id)| self.runs.get(id)?.leader());
        let mut found = leaders
            .filter(|leader| leader.is_alive())
            .filter_map(|leader| fetch_from(leader, inode));
        found.next()
    }

    /// Nothing of this service is to run for now.
    pub(super) fn release(&mut self, service: &str) -> Result<Reply, Refusal> {
        let names = self.instances.iter();
        let runs: Vec<(InstanceName, RunId)> = names
            .filter(|(name, _)| name.service() == service)
            .map(|(name, id)| (name.clone(), *id))
            .collect();
        for (instance, id) in runs {
            if !self.look_whether_over(id) {
                return Err(Refusal::NotOver {
                    instance,
                    generation: 0,
                });
            }
        }
        let (closed, kept) = std::mem::take(&mut self.sockets)
            .into_iter()
            .partition(|open| open.service == service);
        self.sockets = kept;
        self.close(service, closed);
        Ok(Reply::Done)
    }

    /// The stack is down.
    pub(super) fn release_all(&mut self) {
        let services: Vec<String> = self
            .sockets
            .iter()
            .map(|open| open.service.clone())
            .collect();
        for service in services {
            if let Err(error) = self.release(&service) {
                report(error.to_string());
            }
        }
    }
}

/// A copy of a descriptor of another process.
fn fetch_from(process: ProcessRef, inode: u64) -> Option<OwnedFd> {
    let pidfd = gantry_sys::pidfd(process).ok()??;
    let folder = format!("/proc/{}/fd", process.pid);
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let mut numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let number = numbers
        .find(|fd| gantry_sys::inode_of_fd(process.pid, *fd).is_ok_and(|found| found == inode))?;
    let flags = rustix::process::PidfdGetfdFlags::empty();
    let fd = rustix::process::pidfd_getfd(pidfd, number, flags).ok()?;
    (super::inode(&fd) == inode).then_some(fd)
}

fn open(socket: &Socket) -> io::Result<OwnedFd> {
    if socket.listen.starts_with('/') {
        return open_path(Path::new(&socket.listen), socket.datagram);
    }
    let address: SocketAddr = socket
        .listen
        .parse()
        .map_err(|_| io::Error::other("it is neither ADDRESS:PORT nor a path"))?;
    Ok(if socket.datagram {
        UdpSocket::bind(address)?.into()
    } else {
        TcpListener::bind(address)?.into()
    })
}

/// A socket file that nobody answers at is what somebody left.
fn open_path(path: &Path, datagram: bool) -> io::Result<OwnedFd> {
    let bind = || -> io::Result<OwnedFd> {
        Ok(if datagram {
            UnixDatagram::bind(path)?.into()
        } else {
            UnixListener::bind(path)?.into()
        })
    };
    match bind() {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let answer = if datagram {
                UnixDatagram::unbound()?.connect(path)
            } else {
                UnixStream::connect(path).map(|_| ())
            };
            if !matches!(answer, Err(refused) if refused.kind() == io::ErrorKind::ConnectionRefused)
            {
                return Err(error);
            }
            std::fs::remove_file(path)?;
            bind()
        }
        other => other,
    }
}
