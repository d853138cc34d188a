//! A client that renews its right when it is refused.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use hyper::{Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use tower::{BoxError, Service};

use super::{Access, Grant};
use crate::cluster::last_of;

/// By which connections is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// By those that are kept for the next request.
    Kept,
    /// By one that nobody has used before.
    Fresh,
}

/// A cluster did not answer at all.
#[derive(Debug, thiserror::Error)]
#[error("the cluster at {server} cannot be reached: {reason}")]
pub(crate) struct NoAnswer {
    server: String,
    reason: String,
}

impl Access {
    /// A client with the right that counts at each request.
    pub(crate) fn client(self: &Arc<Self>, way: Way) -> Client {
        let namespace = self.grant().config.default_namespace.clone();
        let access = Arc::clone(self);
        Client::new(Renewing { access, way }, namespace)
    }

    async fn send(&self, way: Way, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let mut grant = self.grant();
        if grant.ends_soon()
            && let Some(next) = self.renewed(&grant).await
        {
            grant = next;
        }
        let (parts, body) = request.into_parts();
        let body = body.collect_bytes().await?;
        let copy = || Request::from_parts(parts.clone(), Body::from(body.clone()));
        let answer = self.ask(&grant, way, copy()).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        match self.renewed(&grant).await {
            Some(next) => self.ask(&next, way, copy()).await,
            None => Ok(answer),
        }
    }

    async fn renewed(&self, refused: &Grant) -> Option<Arc<Grant>> {
        self.renew(refused).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the cluster's credentials cannot be renewed");
            None
        })
    }

    async fn ask(
        &self,
        grant: &Grant,
        way: Way,
        request: Request<Body>,
    ) -> Result<Response<Body>, BoxError> {
        match grant.client(way)?.send(request).await {
            Ok(answer) => Ok(answer),
            Err(error @ (kube::Error::Api(_) | kube::Error::Auth(_))) => Err(error.into()),
            Err(error) => {
                let reason = last_of(&error);
                let server = self.server();
                Err(NoAnswer { server, reason }.into())
            }
        }
    }
}

/// What a client sends its requests to.
#[derive(Clone)]
struct Renewing {
    access: Arc<Access>,
    way: Way,
}

impl Service<Request<Body>> for Renewing {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Self { access, way } = self.clone();
        Box::pin(async move { access.send(way, request).await })
    }
}
