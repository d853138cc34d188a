//! One connection to a port of a pod, by way of the cluster's API.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Pod;
use kube::api::Api;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::target::Aim;
use crate::cluster::{Cluster, trouble};

/// How long it may take to be opened.
const OPEN: Duration = Duration::from_secs(3);

/// For how long a refusal is waited for: the cluster tells of one as soon as the pod has refused, and nothing otherwise.
const REFUSAL: Duration = Duration::from_millis(200);

/// Bytes both ways.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection.
pub(crate) struct Tunnel {
    pub(crate) stream: Option<Box<dyn Stream>>,
    /// Says why it is over, if the other end says so.
    pub(crate) error: BoxFuture<'static, Option<String>>,
    /// What carries it: it ends with this.
    forwarder: kube::api::Portforwarder,
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.forwarder.abort();
    }
}

/// A tunnel as one stream.
pub(crate) struct Whole {
    stream: Box<dyn Stream>,
    _tunnel: Tunnel,
}

impl AsyncRead for Whole {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Whole {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Opens one.
pub(crate) async fn open(cluster: &Cluster, aim: &Aim) -> Result<Tunnel, String> {
    let api: Api<Pod> = Api::namespaced(cluster.client.clone(), &aim.namespace);
    let ports = [aim.port];
    let opened = tokio::time::timeout(OPEN, api.portforward(&aim.pod, &ports)).await;
    let late = |_| {
        format!(
            "the cluster has not opened a way to pod/{} within 3 s",
            aim.pod
        )
    };
    let mut forwarder = opened
        .map_err(late)?
        .map_err(|error| trouble("forward", &error).reason)?;
    let stream = forwarder.take_stream(aim.port);
    let error = forwarder.take_error(aim.port);
    let (Some(stream), Some(error)) = (stream, error) else {
        return Err("the cluster has opened no way".to_owned());
    };
    Ok(Tunnel {
        stream: Some(Box::new(stream)),
        error: Box::pin(error),
        forwarder,
    })
}

impl Tunnel {
    /// The stream, which carries what carries it.
    pub(crate) fn into_stream(mut self) -> Whole {
        let stream = self
            .stream
            .take()
            .unwrap_or_else(|| Box::new(tokio::io::empty()));
        Whole {
            stream,
            _tunnel: self,
        }
    }

    /// Whether the pod has taken it.
    pub(crate) async fn is_taken(&mut self) -> Result<(), String> {
        match tokio::time::timeout(REFUSAL, &mut self.error).await {
            Ok(Some(error)) => Err(plain(&error)),
            Ok(None) => Err("it was closed at once".to_owned()),
            Err(_) => Ok(()),
        }
    }
}

/// What the system said, without who it went through.
pub(crate) fn plain(error: &str) -> String {
    let error = error.trim();
    if error.contains("connection refused") {
        return "nobody listens there in the pod: connection refused".to_owned();
    }
    let parts: Vec<&str> = error.split(": ").collect();
    let told = parts
        .iter()
        .rposition(|part| part.starts_with("dial ") || part.contains("connect"));
    match told {
        Some(at) => parts[at..].join(": "),
        None => error.to_owned(),
    }
}
