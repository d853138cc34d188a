use std::time::Duration;

use regex::Regex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::{BodyMatch, HttpCheck, StatusSet, Tls, Trust};
use crate::{Address, Check, Outcome};

/// Answers every connection with `answer`, and keeps it open when that is empty.
async fn server(answer: &'static str) -> (Address, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let address = Address::local(listener.local_addr().expect("address").port());
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("accept");
        let mut request = vec![0; 4096];
        let count = stream.read(&mut request).await.expect("read");
        if answer.is_empty() {
            std::future::pending::<()>().await;
        }
        stream.write_all(answer.as_bytes()).await.expect("write");
        let text = String::from_utf8_lossy(&request[..count]).into_owned();
        text.lines().map(str::to_owned).collect()
    });
    (address, task)
}

async fn run(check: &HttpCheck) -> Outcome {
    let timeout = Duration::from_secs(5);
    Check::Http(Box::new(check.clone())).run(timeout).await
}

#[tokio::test]
async fn the_status_decides_and_the_evidence_says_both() {
    let (address, task) = server("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n").await;
    let mut check = HttpCheck::new(address.clone(), "/healthz");
    check.headers = vec![("X-Asks".into(), "probe".into())];
    let outcome = run(&check).await;
    assert!(!outcome.healthy);
    let expected = format!("GET http://{address}/healthz answered 503, wanted 200 to 399");
    assert_eq!(outcome.evidence, expected);
    let request = task.await.expect("server");
    assert_eq!(request[0], "GET /healthz HTTP/1.1");
    assert!(request.contains(&"x-asks: probe".to_owned()), "{request:?}");

    let (address, _) = server("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n").await;
    let mut check = HttpCheck::new(address, "healthz");
    check.status = "200-299, 503".parse().expect("a set");
    assert!(run(&check).await.healthy);
}

#[tokio::test]
async fn redirects_are_answers() {
    let answer = "HTTP/1.1 302 Go\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let (address, _) = server(answer).await;
    let mut check = HttpCheck::new(address, "/");
    check.status = StatusSet::one(200);
    let outcome = run(&check).await;
    assert!(
        outcome.evidence.ends_with("answered 302, wanted 200"),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn the_body_is_searched() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n{\"ready\": false}";
    let (address, _) = server(answer).await;
    let mut check = HttpCheck::new(address, "/");
    check.body = Some(BodyMatch::Contains("\"ready\": true".into()));
    let outcome = run(&check).await;
    assert!(!outcome.healthy);
    assert!(
        outcome.evidence.contains("answered 200 without"),
        "{outcome:?}"
    );

    let (address, _) = server(answer).await;
    check.address = address;
    check.body = Some(BodyMatch::Matches(
        Regex::new("ready.*false").expect("pattern"),
    ));
    assert!(run(&check).await.healthy);
}

#[tokio::test]
async fn silence_refusal_and_nonsense_are_told_apart() {
    let (address, task) = server("").await;
    let check = Check::Http(Box::new(HttpCheck::new(address.clone(), "/")));
    let outcome = check.run(Duration::from_millis(80)).await;
    let expected = format!("GET http://{address}/ had no answer within 80ms");
    assert_eq!(outcome.evidence, expected);
    assert!(outcome.took >= Duration::from_millis(80));
    task.abort();
    let _ = task.await;

    let outcome = check.run(Duration::from_secs(5)).await;
    assert_eq!(outcome.evidence, format!("connection refused by {address}"));

    let (address, _) = server("SSH-2.0-OpenSSH\r\n").await;
    let outcome = run(&HttpCheck::new(address, "/")).await;
    assert!(!outcome.healthy);
    assert!(outcome.evidence.contains("failed: "), "{outcome:?}");

    let (address, _) = server("hello\r\n").await;
    let mut check = HttpCheck::new(address.clone(), "/");
    check.tls = Some(Tls {
        trust: Trust::Anyone,
        server_name: None,
    });
    let outcome = run(&check).await;
    let start = format!("TLS with {address} failed: ");
    assert!(outcome.evidence.starts_with(&start), "{outcome:?}");
}

#[test]
fn urls_are_taken_apart() {
    let check = HttpCheck::from_url("https://[::1]:8443/up?deep=1").expect("a URL");
    assert_eq!(check.address, Address::new("::1", 8443));
    assert_eq!(check.path, "/up?deep=1");
    assert!(check.tls.is_some());
    let check = HttpCheck::from_url("http://localhost").expect("a URL");
    assert_eq!(check.what(), "GET http://localhost:80/");
    for wrong in ["localhost:80", "ftp://x/", "/up", "http:///up"] {
        assert!(HttpCheck::from_url(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn sets_of_statuses_are_read() {
    let set: StatusSet = "200,300-302".parse().expect("a set");
    assert!(set.contains(200) && set.contains(301) && !set.contains(201));
    assert_eq!(set.to_string(), "200 or 300 to 302");
    for wrong in ["", "abc", "99", "300-200", "200-", "600"] {
        assert!(wrong.parse::<StatusSet>().is_err(), "{wrong}");
    }
}
