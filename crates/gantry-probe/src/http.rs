//! The HTTP check: one request, one answer, judged by status, headers and body.
//!
//! Redirects are not followed: where a service sends others is not whether it is well.

mod expect;
mod tls;

use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

pub use expect::{BodyMatch, StatusSet, StatusSetError};
pub use tls::{Tls, Trust};

use crate::address::Address;
use crate::outcome::Outcome;

/// How much of a body is searched.
const BODY_LIMIT: usize = 1024 * 1024;

/// One request and what is wanted of its answer.
#[derive(Debug, Clone)]
pub struct HttpCheck {
    /// Where to connect.
    pub address: Address,
    /// The path, with its query.
    pub path: String,
    /// How TLS is spoken, if it is.
    pub tls: Option<Tls>,
    /// Headers of the request.
    pub headers: Vec<(String, String)>,
    /// The statuses that are well.
    pub status: StatusSet,
    /// What the body must say.
    pub body: Option<BodyMatch>,
}

/// Why a text is no URL that can be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no URL to ask: expected http:// or https://, a host and a path")]
pub struct UrlError(String);

/// How far a request came, for the evidence when its time is over.
#[derive(Debug, Default)]
pub(crate) struct Progress(AtomicU8);

const CONNECTED: u8 = 1;
const SECURED: u8 = 2;
const ANSWERED: u8 = 3;

impl HttpCheck {
    /// A request to that path that wants a status of 200 to 399.
    pub fn new(address: Address, path: impl Into<String>) -> Self {
        let mut path = path.into();
        if !path.starts_with('/') {
            path.insert(0, '/');
        }
        Self {
            address,
            path,
            tls: None,
            headers: Vec::new(),
            status: StatusSet::default(),
            body: None,
        }
    }

    /// The same for a whole URL.
    pub fn from_url(url: &str) -> Result<Self, UrlError> {
        let wrong = || UrlError(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let (port, tls) = match uri.scheme_str() {
            Some("http") => (80, None),
            Some("https") => (443, Some(Tls::default())),
            _ => return Err(wrong()),
        };
        let host = uri
            .host()
            .filter(|host| !host.is_empty())
            .ok_or_else(wrong)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let address = Address::new(host, uri.port_u16().unwrap_or(port));
        let mut check = Self::new(address, path);
        check.tls = tls;
        Ok(check)
    }

    /// What is asked.
    pub fn what(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("GET {scheme}://{}{}", self.address, self.path)
    }

    /// What was missing when the time was over.
    pub(crate) fn lateness(&self, progress: &Progress) -> String {
        match progress.0.load(Ordering::Relaxed) {
            CONNECTED if self.tls.is_some() => format!("no TLS handshake with {}", self.address),
            CONNECTED | SECURED => format!("{} had no answer", self.what()),
            ANSWERED => format!("{} had no whole answer", self.what()),
            _ => format!("no connection to {}", self.address),
        }
    }

    pub(crate) async fn run(&self, progress: &Progress) -> Outcome {
        match self.ask(progress).await {
            Ok(outcome) => outcome,
            Err(evidence) => Outcome::unhealthy(evidence),
        }
    }

    async fn ask(&self, progress: &Progress) -> Result<Outcome, String> {
        let connected = self.address.connect().await;
        let stream = connected.map_err(|error| self.address.refusal(&error))?;
        progress.0.store(CONNECTED, Ordering::Relaxed);
        match &self.tls {
            None => self.talk(stream, progress).await,
            Some(tls) => {
                let stream = tls::secure(&self.address, tls, stream).await?;
                self.talk(stream, progress).await
            }
        }
    }

    async fn talk<S>(&self, stream: S, progress: &Progress) -> Result<Outcome, String>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        progress.0.store(SECURED, Ordering::Relaxed);
        let broken = |error: hyper::Error| format!("{} failed: {}", self.what(), cause(&error));
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        let request = self.request()?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(broken)?;
            progress.0.store(ANSWERED, Ordering::Relaxed);
            self.judge(response).await
        };
        // The connection is driven here, not by a task of its own: it ends with the check.
        tokio::pin!(connection);
        tokio::pin!(exchange);
        tokio::select! {
            biased;
            outcome = &mut exchange => outcome,
            ended = &mut connection => {
                if let Err(error) = ended {
                    return Err(broken(error));
                }
                exchange.await
            }
        }
    }

    fn request(&self) -> Result<Request<Empty<Bytes>>, String> {
        let mut request = Request::get(self.path.as_str())
            .header(HOST, self.address.to_string())
            .header(
                USER_AGENT,
                concat!("gantry-probe/", env!("CARGO_PKG_VERSION")),
            )
            .header(CONNECTION, "close")
            .body(Empty::new())
            .map_err(|error| format!("{} cannot be asked: {error}", self.what()))?;
        for (name, value) in &self.headers {
            let name = HeaderName::try_from(name.as_str())
                .map_err(|_| format!("{name:?} is no name of a header"))?;
            let value = HeaderValue::try_from(value.as_str())
                .map_err(|_| format!("the header {name} has no valid value"))?;
            request.headers_mut().insert(name, value);
        }
        Ok(request)
    }

    async fn judge(&self, response: Response<Incoming>) -> Result<Outcome, String> {
        let what = self.what();
        let status = response.status().as_u16();
        if !self.status.contains(status) {
            return Ok(Outcome::unhealthy(format!(
                "{what} answered {status}, wanted {}",
                self.status
            )));
        }
        let Some(wanted) = &self.body else {
            return Ok(Outcome::healthy(format!("{what} answered {status}")));
        };
        let body = Limited::new(response.into_body(), BODY_LIMIT)
            .collect()
            .await;
        let body = body
            .map_err(|error| format!("{what} answered {status}, but its body broke off: {error}"))?
            .to_bytes();
        Ok(if wanted.is_met_by(&String::from_utf8_lossy(&body)) {
            Outcome::healthy(format!("{what} answered {status} with {wanted}"))
        } else {
            Outcome::unhealthy(format!("{what} answered {status} without {wanted}"))
        })
    }
}

/// The innermost reason of an HTTP error, which is the one that says something.
fn cause(error: &hyper::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests;
