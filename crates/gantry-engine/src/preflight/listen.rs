//! Are the addresses free that are listened at for services?

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::net::UnixStream;

use futures::future::BoxFuture;
use gantry_driver::{Missing, Need};

use super::{Check, Subject, Surroundings, now, plain};
use crate::holder::{self, Holder};

pub(super) struct Listen;

impl Check for Listen {
    fn name(&self) -> &'static str {
        "address"
    }

    fn knows(&self, subject: &Subject) -> bool {
        matches!(subject, Subject::Need(Need::Listen { .. }))
    }

    fn look<'a>(
        &'a self,
        subject: &'a Subject,
        _around: &'a Surroundings,
    ) -> BoxFuture<'a, Result<(), Missing>> {
        now(match subject {
            Subject::Need(Need::Listen { address, datagram }) => free(address, *datagram),
            _ => Ok(()),
        })
    }
}

fn free(address: &str, datagram: bool) -> Result<(), Missing> {
    let taken = |holder: Option<Holder>| {
        let reason = match holder {
            Some(holder) => format!("address {address} is held by {holder}"),
            None => format!("address {address} is taken"),
        };
        Missing {
            reason,
            hint: Some("end that process, or listen elsewhere".into()),
        }
    };
    if address.starts_with('/') {
        // One that nobody answers at was left behind, and is replaced.
        return match UnixStream::connect(address) {
            Ok(_) => Err(taken(holder::holder_of_path(address))),
            Err(_) => Ok(()),
        };
    }
    let Ok(at) = address.parse::<SocketAddr>() else {
        return Err(Missing {
            reason: format!("{address} is no address to listen at"),
            hint: Some(
                "write ADDRESS:PORT, a path with a `/` in it, or a port of the service".into(),
            ),
        });
    };
    let tried = if datagram {
        UdpSocket::bind(at).map(|_| ())
    } else {
        TcpListener::bind(at).map(|_| ())
    };
    match tried {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(taken(if datagram {
            holder::holder_of_datagrams(at.port())
        } else {
            holder::holder_of(at.port())
        })),
        Err(error) => Err(Missing {
            reason: format!("cannot listen at {address}: {}", plain(&error)),
            hint: None,
        }),
    }
}
