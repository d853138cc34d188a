//! What whoever runs the tests has given them.

use std::net::{Ipv4Addr, TcpListener};

/// A variable that is set, and not empty.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|it| !it.is_empty())
}

/// The configuration of the cluster of `examples/kubernetes`, and the folder of its programs, if it runs.
pub fn cluster() -> Option<[String; 2]> {
    Some([
        variable("GANTRY_TEST_KUBECONFIG")?,
        variable("GANTRY_TEST_KUBERNETES")?,
    ])
}

/// A port that nobody has. Somebody else may take it before it is used: then the test fails, and says so.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
    listener.local_addr().expect("an address").port()
}
