use std::time::Duration;

use tokio::net::TcpListener;

use super::TcpCheck;
use crate::{Address, Check};

const PATIENT: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_listener_is_healthy_and_its_end_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let port = listener.local_addr().expect("address").port();
    let address = Address::local(port);
    let check = Check::Tcp(TcpCheck { address });

    let outcome = check.run(PATIENT).await;
    assert!(outcome.healthy, "{outcome:?}");
    assert_eq!(
        outcome.evidence,
        format!("127.0.0.1:{port} accepts connections")
    );

    drop(listener);
    let outcome = check.run(PATIENT).await;
    assert!(!outcome.healthy, "{outcome:?}");
    assert_eq!(
        outcome.evidence,
        format!("connection refused by 127.0.0.1:{port}")
    );
}

#[tokio::test]
async fn localhost_means_both_families() {
    let Ok(listener) = TcpListener::bind("[::1]:0").await else {
        return;
    };
    let port = listener.local_addr().expect("address").port();
    let address = Address::new("localhost", port);
    let outcome = Check::Tcp(TcpCheck { address }).run(PATIENT).await;
    assert!(outcome.healthy, "{outcome:?}");
}

#[test]
fn addresses_are_read_and_written() {
    let read = |text: &str| text.parse::<Address>();
    assert_eq!(read("db:5432"), Ok(Address::new("db", 5432)));
    assert_eq!(read("[::1]:80"), Ok(Address::new("::1", 80)));
    assert_eq!(Address::new("::1", 80).to_string(), "[::1]:80");
    for wrong in ["db", "::1:80", ":80", "db:http", "db:70000", "[::1:80"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}
