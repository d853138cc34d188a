//! Sockets that are opened for a service, and passed in.

use serde::{Deserialize, Serialize};

/// A socket that the keeper opens once for a service and keeps open over its restarts. Every instance
/// that names the same one is passed the same one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Socket {
    /// Its name, as it stands in `LISTEN_FDNAMES`.
    pub name: String,
    /// `ADDRESS:PORT`, or the absolute path of a Unix socket.
    pub listen: String,
    /// Whether it is for datagrams; if not, it listens for connections.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub datagram: bool,
}
