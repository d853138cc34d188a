//! Connections to what an instance consists of, one at a time.

use std::time::Duration;

use gantry_core::FailureKind;
use gantry_driver::{BoxFuture, Dial, DialRequest, DriverError, Duplex};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::forward::target::Aim;
use crate::forward::tunnel::{self, Tunnel};
use crate::link::Input;
use crate::session::ClusterSession;

/// How long a pod that is ready is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// How soon it is looked again.
const AGAIN: Duration = Duration::from_millis(200);

impl Dial for ClusterSession {
    fn dial(&self, request: DialRequest) -> BoxFuture<'_, Result<Box<dyn Duplex>, DriverError>> {
        Box::pin(async move {
            let until = Instant::now() + PATIENCE;
            loop {
                match self.connect(&request).await {
                    Ok(tunnel) => return Ok(Box::new(tunnel.into_stream()) as Box<dyn Duplex>),
                    Err(error) if error.kind == FailureKind::Permanent => return Err(error),
                    Err(error) if Instant::now() > until => return Err(error),
                    Err(_) => tokio::time::sleep(AGAIN).await,
                }
            }
        })
    }
}

impl ClusterSession {
    async fn connect(&self, request: &DialRequest) -> Result<Tunnel, DriverError> {
        let (reply, aim) = oneshot::channel();
        self.order(Input::Aim(request.clone(), reply));
        let closed = |_| Err(DriverError::unreachable("dial", "the session is closed"));
        let aim: Aim = aim.await.unwrap_or_else(closed)?;
        let away = |reason| DriverError::transient("dial", reason);
        let mut tunnel = tunnel::open(&self.context().cluster, &aim)
            .await
            .map_err(|error| away(error.reason))?;
        tunnel.is_taken().await.map_err(away)?;
        Ok(tunnel)
    }
}
