//! How long a request to a cluster is waited for.
//!
//! A connection that lies in wait for the next request may be dead without anyone having been told: then nobody ever
//! answers. A server of a cluster ends every request of its own after a minute, so whoever has not answered by then does
//! not. The connection goes with the request, and the next one has another.
//!
//! Watches, logs, commands and forwards go on as long as they are wanted, and are not limited here.

use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use hyper::{Request, Response, Uri};
use kube::client::Body;
use tower::{BoxError, Layer, Service};

/// A little more than a server takes.
const LIMIT: Duration = Duration::from_secs(65);

/// Limits the requests of a client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience;

impl<S> Layer<S> for Patience {
    type Service = Patient<S>;

    fn layer(&self, inner: S) -> Patient<S> {
        Patient { inner }
    }
}

/// A client whose requests are limited.
#[derive(Debug, Clone)]
pub(crate) struct Patient<S> {
    inner: S,
}

impl<S, B> Service<Request<Body>> for Patient<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError>,
    S::Future: Send + 'static,
    B: 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<B>, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let limited = !goes_on(request.uri());
        let answer = self.inner.call(request);
        Box::pin(async move {
            if !limited {
                return answer.await;
            }
            match tokio::time::timeout(LIMIT, answer).await {
                Ok(answer) => answer,
                Err(_) => Err(format!("it has not answered within {} s", LIMIT.as_secs()).into()),
            }
        })
    }
}

/// Whether a request is one that goes on.
fn goes_on(uri: &Uri) -> bool {
    let ends = ["/log", "/exec", "/attach", "/portforward"];
    let watches = uri.query().unwrap_or_default().split('&');
    ends.iter().any(|end| uri.path().ends_with(end))
        || watches
            .into_iter()
            .any(|one| one == "watch=true" || one == "watch=1")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cluster that never answers.
    #[derive(Clone)]
    struct Silent;

    impl Service<Request<Body>> for Silent {
        type Response = Response<()>;
        type Error = BoxError;
        type Future = BoxFuture<'static, Result<Response<()>, BoxError>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<Body>) -> Self::Future {
            Box::pin(std::future::pending())
        }
    }

    async fn asked(uri: &str) -> Option<String> {
        let request = Request::get(uri).body(Body::empty()).expect("a request");
        let answer = Patience.layer(Silent).call(request);
        let limited = tokio::time::timeout(Duration::from_mins(10), answer).await;
        limited
            .ok()
            .map(|answer| answer.expect_err("an error").to_string())
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_answers_is_given_up() {
        let told = asked("https://a/api/v1/pods?limit=500").await;
        assert_eq!(told.as_deref(), Some("it has not answered within 65 s"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_goes_on_is_left_alone() {
        for uri in [
            "https://a/api/v1/pods?allowWatchBookmarks=true&watch=true",
            "https://a/api/v1/namespaces/x/pods/y/log?follow=true",
            "https://a/api/v1/namespaces/x/pods/y/exec",
        ] {
            assert_eq!(asked(uri).await, None, "{uri}");
        }
    }
}
