//! The client against a fake supervisor: an axum server in this process.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use camino::Utf8PathBuf;
use futures::{StreamExt as _, stream};
use tokio::net::UnixListener;

use super::*;
use crate::error::{ErrorBody, ErrorCode};
use crate::given::GivenVariables;
use crate::home::SocketPath;
use crate::operation::{OperationKind, OperationOptions};
use crate::outcome::{Outcome, ResultWord};

/// A stack's folder with a fake supervisor in it.
struct Fake {
    _folder: tempfile::TempDir,
    dir: StackDir,
}

impl Fake {
    fn new(router: Router) -> Self {
        let fake = Self::absent();
        let way = SocketPath::of(&fake.dir.supervisor_socket()).expect("a way");
        let listener = UnixListener::bind(way).expect("bound");
        tokio::spawn(async move { axum::serve(listener, router).await });
        fake
    }

    fn absent() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = Utf8PathBuf::from_path_buf(folder.path().to_owned()).expect("text");
        Self {
            _folder: folder,
            dir: StackDir::at(path),
        }
    }

    fn client(&self) -> Client {
        Client::new(self.dir.clone()).patience(Duration::from_millis(50))
    }
}

fn up() -> OperationRequest {
    OperationRequest {
        version: crate::VERSION,
        kind: OperationKind::Up,
        services: Vec::new(),
        model: None,
        given: GivenVariables::default(),
        options: OperationOptions::default(),
    }
}

#[tokio::test]
async fn status_is_passed_through_as_it_was_sent() {
    let text = r#"{"version":1,  "stack":"shop","file":"/x/gantry.toml","supervisor":null,"services":[],"new":1}"#;
    let fake = Fake::new(Router::new().route("/v1/status", get(move || async move { text })));
    let bytes = fake.client().status_bytes().await.expect("an answer");
    assert_eq!(bytes, text.as_bytes());
    assert_eq!(
        fake.client().status().await.expect("a status").stack,
        "shop"
    );
}

#[tokio::test]
async fn nobody_there_is_told_apart() {
    let fake = Fake::absent();
    let error = fake.client().status().await.expect_err("nobody answers");
    assert!(
        matches!(error, ClientError::NoSupervisor { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_guard_without_a_supervisor_is_waited_for_and_then_told() {
    let fake = Fake::absent();
    let _guard = UnixListener::bind(fake.dir.guard_socket()).expect("bound");
    let error = fake.client().status().await.expect_err("nobody answers");
    assert!(
        matches!(error, ClientError::NotAnswering { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_refusal_keeps_its_hint() {
    let body = ErrorBody {
        code: ErrorCode::NotFound,
        message: "there is no service dp".to_owned(),
        hint: Some("did you mean db?".to_owned()),
    };
    let sent = body.clone();
    let route = get(move || async move { (StatusCode::NOT_FOUND, Json(sent)) });
    let fake = Fake::new(Router::new().route("/v1/explain/{service}", route));
    match fake.client().explain("dp").await {
        Err(ClientError::Refused(told)) => assert_eq!(told, body),
        other => panic!("{other:?}"),
    }
}

/// A stream in pieces that do not end where its lines end.
fn in_pieces(text: &str, size: usize) -> Body {
    let pieces: Vec<_> = text.as_bytes().chunks(size).map(<[u8]>::to_vec).collect();
    Body::from_stream(stream::iter(pieces).map(Ok::<_, Infallible>))
}

#[tokio::test]
async fn records_come_whole_whatever_the_pieces() {
    let records = [
        Progress::Begun {
            operation: 7,
            steps: Vec::new(),
            services: vec!["db".to_owned()],
        },
        Progress::Note {
            message: "waiting".to_owned(),
        },
        Progress::Ended {
            outcome: Outcome::new(ResultWord::Done),
        },
    ];
    for size in [1, 7, 10_000] {
        let lines = records
            .iter()
            .map(|record| serde_json::to_string(record).expect("JSON"));
        let text: String = lines.map(|line| line + "\n").collect();
        let route = post(move || async move { in_pieces(&text, size) });
        let fake = Fake::new(Router::new().route("/v1/operations", route));
        let mut stream = fake.client().operate(&up()).await.expect("a stream");
        for record in &records {
            assert_eq!(
                stream.next().await.expect("a record").as_ref(),
                Some(record)
            );
        }
        assert_eq!(stream.next().await.expect("the end"), None);
    }
}

#[tokio::test]
async fn a_torn_stream_is_no_end() {
    let route = post(|| async { in_pieces("{\"type\":\"note\",\"mess", 5) });
    let fake = Fake::new(Router::new().route("/v1/operations", route));
    let mut stream = fake.client().operate(&up()).await.expect("a stream");
    let error = stream.next().await.expect_err("it was torn");
    assert!(matches!(error, ClientError::BrokenOff { .. }), "{error:?}");
}
