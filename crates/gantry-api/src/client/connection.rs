//! One request over one connection.

use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderValue, UPGRADE};
use hyper::upgrade::Upgraded;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use super::error::ClientError;
use crate::error::{ErrorBody, ErrorCode};
use crate::home::{SocketPath, StackDir};

/// Send a request and wait for the head of the answer, which is a success.
pub(super) async fn request(
    dir: &StackDir,
    method: Method,
    path: &str,
    body: Bytes,
    patience: Duration,
) -> Result<Response<Incoming>, ClientError> {
    let stream = reach(dir, patience).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken_off)?;
    // It ends when the answer has been read or dropped.
    tokio::spawn(connection);
    let request = Request::builder().method(method).uri(path);
    let request = request.body(Full::new(body));
    let response = sender.send_request(complete(dir, request)?).await;
    let response = response.map_err(broken_off)?;
    if response.status().is_success() {
        return Ok(response);
    }
    Err(refusal(response).await)
}

/// Ask for the protocol to join an instance by; the connection goes on as that.
pub(super) async fn upgrade(
    dir: &StackDir,
    path: &str,
    patience: Duration,
) -> Result<Upgraded, ClientError> {
    let stream = reach(dir, patience).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken_off)?;
    tokio::spawn(connection.with_upgrades());
    let request = Request::builder()
        .uri(path)
        .header(CONNECTION, "upgrade")
        .header(UPGRADE, crate::attach::ATTACH);
    let request = request.body(Full::new(Bytes::new()));
    let response = sender.send_request(complete(dir, request)?).await;
    let response = response.map_err(broken_off)?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return hyper::upgrade::on(response).await.map_err(broken_off);
    }
    Err(refusal(response).await)
}

/// A connection to the supervisor, which may have to come back first.
async fn reach(dir: &StackDir, patience: Duration) -> Result<UnixStream, ClientError> {
    let begin = Instant::now();
    loop {
        match connect(dir).await {
            Ok(stream) => return Ok(stream),
            Err(error) if !is_absent(&error) => {
                return Err(ClientError::Connect {
                    socket: dir.supervisor_socket(),
                    source: error,
                });
            }
            Err(_) if !guard_lives(dir) => {
                return Err(ClientError::NoSupervisor {
                    dir: dir.path().to_owned(),
                });
            }
            Err(_) if begin.elapsed() >= patience => {
                return Err(ClientError::NotAnswering {
                    log: dir.supervisor_log(),
                    waited_s: patience.as_secs(),
                });
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(3)).await,
        }
    }
}

/// With the headers that all requests have.
fn complete(
    dir: &StackDir,
    request: Result<Request<Full<Bytes>>, hyper::http::Error>,
) -> Result<Request<Full<Bytes>>, ClientError> {
    let mut request = request.map_err(|error| ClientError::Connect {
        socket: dir.supervisor_socket(),
        source: io::Error::other(error),
    })?;
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::from_static("gantry"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(request)
}

/// An answer that is no success.
async fn refusal(response: Response<Incoming>) -> ClientError {
    let status = response.status();
    match whole(response).await {
        Ok(body) => {
            ClientError::Refused(serde_json::from_slice(&body).unwrap_or_else(|_| ErrorBody {
                code: ErrorCode::Internal,
                message: format!("the supervisor answers with status {status}"),
                hint: None,
            }))
        }
        Err(error) => error,
    }
}

/// The whole body of an answer.
pub(super) async fn whole(response: Response<Incoming>) -> Result<Bytes, ClientError> {
    let body = response.into_body().collect().await.map_err(broken_off)?;
    Ok(body.to_bytes())
}

pub(super) fn broken_off(source: hyper::Error) -> ClientError {
    ClientError::BrokenOff {
        source: Some(source),
    }
}

async fn connect(dir: &StackDir) -> io::Result<UnixStream> {
    let way = SocketPath::of(&dir.supervisor_socket())?;
    UnixStream::connect(way.path()).await
}

/// Whether nobody listens, as opposed to somebody who may not be asked.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
    )
}

/// Whether somebody is there who will start a supervisor again.
fn guard_lives(dir: &StackDir) -> bool {
    let way = SocketPath::of(&dir.guard_socket());
    way.is_ok_and(|way| std::os::unix::net::UnixStream::connect(way).is_ok())
}
