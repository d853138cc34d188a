use std::convert::Infallible;
use std::time::Duration;

use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use super::*;
use crate::Check;

type Answer = http_body_util::combinators::BoxBody<Bytes, Infallible>;

/// The health service of a gRPC server with these services.
async fn serve(request: Request<Incoming>) -> Result<Response<Answer>, Infallible> {
    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.headers()[TE], "trailers");
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.expect("a body");
    let body = body.to_bytes();
    assert_eq!(&body[..1], [0], "not compressed");
    let name = body.get(7..).unwrap_or_default();
    let (status, health) = match name {
        _ if path != METHOD => ("12", None),
        b"" => ("0", Some(1)),
        b"orders" => ("0", Some(2)),
        b"watched" => ("0", Some(3)),
        b"young" => ("0", Some(0)),
        b"secret" => ("7", None),
        b"web" => {
            let page = Full::new(Bytes::from("<html>")).boxed();
            let page = Response::builder()
                .header(CONTENT_TYPE, "text/html")
                .body(page);
            return Ok(page.expect("a page"));
        }
        _ => ("5", None),
    };
    let mut answer = Response::builder().header(CONTENT_TYPE, "application/grpc+proto");
    let Some(health) = health else {
        // As servers do: a failure is an answer of headers only.
        answer = answer
            .header("grpc-status", status)
            .header("grpc-message", "not%20for%20you");
        let nothing = http_body_util::Empty::new().boxed();
        return Ok(answer.body(nothing).expect("an answer"));
    };
    // What is 0 is left out; an unknown field is passed over.
    let fields: &[u8] = if health == 0 {
        &[]
    } else {
        &[0x12, 1, b'x', 0x08, health]
    };
    let mut message = BytesMut::new();
    message.put_u8(0);
    message.put_u32(u32::try_from(fields.len()).expect("short"));
    message.put_slice(fields);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    let frames = [Frame::data(message.freeze()), Frame::trailers(trailers)];
    let frames = futures::stream::iter(frames.map(Ok::<_, Infallible>));
    let body = http_body_util::StreamBody::new(frames);
    Ok(answer.body(body.boxed()).expect("an answer"))
}

async fn server() -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let address = Address::local(listener.local_addr().expect("address").port());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let connection = server.serve_connection(TokioIo::new(stream), service_fn(serve));
            tokio::spawn(connection);
        }
    });
    address
}

async fn run(address: &Address, service: &str) -> Outcome {
    let check = GrpcCheck {
        address: address.clone(),
        service: service.to_owned(),
    };
    Check::Grpc(check).run(Duration::from_secs(5)).await
}

#[tokio::test]
async fn only_serving_is_well_and_everything_else_is_named() {
    let address = server().await;
    let outcome = run(&address, "").await;
    assert!(outcome.healthy, "{}", outcome.evidence);
    assert_eq!(outcome.evidence, format!("{address} is SERVING"));
    for (service, evidence) in [
        ("orders", format!("orders at {address} is NOT_SERVING")),
        (
            "watched",
            format!("watched at {address} is SERVICE_UNKNOWN"),
        ),
        ("young", format!("young at {address} is UNKNOWN")),
        (
            "nobody",
            format!("{address} does not know the service \"nobody\" (NOT_FOUND)"),
        ),
        (
            "secret",
            format!("the gRPC health of secret at {address} failed with code 7: not for you"),
        ),
        (
            "web",
            format!("{address} is no gRPC server: it answered 200 with text/html"),
        ),
    ] {
        let outcome = run(&address, service).await;
        assert!(!outcome.healthy);
        assert_eq!(outcome.evidence, evidence);
    }
}

#[tokio::test]
async fn a_server_that_is_not_grpc_is_said_to_be_none() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let address = Address::local(listener.local_addr().expect("address").port());
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("accept");
        let answer = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(answer).await.expect("write");
        // Nobody listens from here on.
        drop(listener);
    });
    let outcome = run(&address, "").await;
    task.await.expect("the server");
    let expected = format!("{address} does not speak HTTP/2");
    assert!(
        outcome.evidence.starts_with(&expected),
        "{}",
        outcome.evidence
    );
    let refused = run(&address, "").await.evidence;
    assert_eq!(refused, format!("connection refused by {address}"));
}

#[tokio::test]
async fn a_server_that_never_answers_is_late() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let address = Address::local(listener.local_addr().expect("address").port());
    let check = Check::Grpc(GrpcCheck {
        address: address.clone(),
        service: "x".into(),
    });
    let outcome = check.run(Duration::from_millis(50)).await;
    let expected = format!("the gRPC health of x at {address} was not told within 50ms");
    assert_eq!(outcome.evidence, expected);
}

#[test]
fn what_is_no_message_is_none() {
    assert_eq!(health(&[0, 0, 0, 0, 2, 8, 1]), Some(1));
    assert_eq!(health(&[0, 0, 0, 0, 0]), Some(0));
    for wrong in [
        &[] as &[u8],
        &[0, 0, 0, 0, 9, 8, 1],
        &[1, 0, 0, 0, 2, 8, 1],
        &[0, 0, 0, 0, 1, 8],
        &[0, 0, 0, 0, 2, 0x12, 9],
        &[0, 0, 0, 0, 1, 7],
    ] {
        assert_eq!(health(wrong), None, "{wrong:?}");
    }
    let long = "x".repeat(300);
    assert_eq!(&message(&long)[..8], [0, 0, 0, 1, 47, 0x0a, 0xac, 2]);
}
