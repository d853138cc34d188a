//! A socket for messages whose senders are known by the kernel's word.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use crate::error::SysError;

/// A datagram socket in the abstract namespace: it has no file, so that it can be reached by every
/// user, from every root folder, and leaves nothing behind.
#[derive(Debug)]
pub struct LetterBox {
    socket: OwnedFd,
    name: String,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// What it says.
    pub bytes: Vec<u8>,
    /// The process that sent it; 0 if that cannot be seen from here.
    pub pid: u32,
    /// The user that sent it.
    pub uid: u32,
}

/// No message is longer.
const LONGEST: usize = 8 * 1024;

impl LetterBox {
    /// Open a socket of this name; if somebody else has it, one with a number behind.
    pub fn open(name: &str) -> Result<Self, SysError> {
        let failed = |error| SysError::new("make", format!("the socket @{name}"), error);
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)
            .map_err(failed)?;
        rustix::net::sockopt::set_socket_passcred(&socket, true).map_err(failed)?;
        let mut number = 0_u32;
        loop {
            let name = match number {
                0 => name.to_owned(),
                _ => format!("{name}.{number}"),
            };
            let address = SocketAddrUnix::new_abstract_name(name.as_bytes()).map_err(failed)?;
            match rustix::net::bind(&socket, &address) {
                Ok(()) => return Ok(Self { socket, name }),
                Err(rustix::io::Errno::ADDRINUSE) if number < 100 => number += 1,
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// Its address as variables of the environment name it: with `@` for the byte that has no letter.
    pub fn address(&self) -> String {
        format!("@{}", self.name)
    }

    /// The next message, which stays where it is until [`Self::drop_next`]: so that one who is killed
    /// while at it leaves it to the next. Never blocks. What else it carries (descriptors) is closed.
    pub fn next(&self) -> Option<Letter> {
        self.receive(libc::MSG_PEEK)
    }

    /// Throw the next message away.
    pub fn drop_next(&self) {
        self.receive(0);
    }

    fn receive(&self, flags: i32) -> Option<Letter> {
        let mut bytes = vec![0_u8; LONGEST];
        let mut part = libc::iovec {
            iov_base: bytes.as_mut_ptr().cast(),
            iov_len: bytes.len(),
        };
        // In words, so that the headers in it are aligned.
        let mut control = [MaybeUninit::<u64>::uninit(); 64];
        // SAFETY: zero is a valid msghdr.
        let mut head: libc::msghdr = unsafe { std::mem::zeroed() };
        head.msg_iov = &raw mut part;
        head.msg_iovlen = 1;
        head.msg_control = control.as_mut_ptr().cast();
        head.msg_controllen = size_of_val(&control);
        let length = loop {
            // SAFETY: `head` names memory that lives as long as the call, with its lengths.
            let length = unsafe {
                libc::recvmsg(
                    self.socket.as_raw_fd(),
                    &raw mut head,
                    flags | libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC,
                )
            };
            match usize::try_from(length) {
                Ok(length) => break length,
                Err(_) if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        };
        bytes.truncate(length);
        let mut letter = Letter {
            bytes,
            pid: 0,
            uid: u32::MAX,
        };
        // SAFETY: the kernel has filled in `head` and what it names; the macros stay within that.
        unsafe {
            let mut at = libc::CMSG_FIRSTHDR(&raw const head);
            while !at.is_null() {
                let header = ptr::read_unaligned(at);
                let data = libc::CMSG_DATA(at);
                let size = header.cmsg_len.saturating_sub(libc::CMSG_LEN(0) as usize);
                match (header.cmsg_level, header.cmsg_type) {
                    (libc::SOL_SOCKET, libc::SCM_CREDENTIALS)
                        if size >= size_of::<libc::ucred>() =>
                    {
                        let sender: libc::ucred = ptr::read_unaligned(data.cast());
                        letter.pid = u32::try_from(sender.pid).unwrap_or(0);
                        letter.uid = sender.uid;
                    }
                    (libc::SOL_SOCKET, libc::SCM_RIGHTS) => {
                        for index in 0..size / size_of::<RawFd>() {
                            let place = data.wrapping_add(index * size_of::<RawFd>());
                            let fd: RawFd = ptr::read_unaligned(place.cast());
                            // Ours since the call, and wanted by nobody.
                            drop(OwnedFd::from_raw_fd(fd));
                        }
                    }
                    _ => {}
                }
                at = libc::CMSG_NXTHDR(&raw const head, at);
            }
        }
        Some(letter)
    }
}

impl AsFd for LetterBox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for LetterBox {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    use super::*;

    #[test]
    fn a_letter_names_its_sender_and_stays_until_it_is_dropped() {
        let name = format!("gantry-test-{}", std::process::id());
        let first = LetterBox::open(&name).unwrap();
        // The name is taken: the second one gets another.
        let second = LetterBox::open(&name).unwrap();
        assert_ne!(first.address(), second.address());
        let to = second.address();
        let to = SocketAddr::from_abstract_name(to.strip_prefix('@').unwrap()).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        sender.send_to_addr(b"READY=1", &to).unwrap();
        sender.send_to_addr(b"STATUS=x", &to).unwrap();
        assert_eq!(first.next(), None);
        let letter = second.next().unwrap();
        assert_eq!(letter.bytes, b"READY=1");
        assert_eq!(letter.pid, std::process::id());
        assert_eq!(letter.uid, rustix::process::geteuid().as_raw());
        assert_eq!(second.next(), Some(letter));
        second.drop_next();
        assert_eq!(second.next().unwrap().bytes, b"STATUS=x");
        second.drop_next();
        assert_eq!(second.next(), None);
    }
}
