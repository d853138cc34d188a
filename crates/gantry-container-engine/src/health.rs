//! Running health checks of containers where their engine does not.
//!
//! Podman leaves that to timers of systemd. Where there is none, it calls a container `starting` for ever;
//! but it runs a check when it is asked to, keeps what came of it, and says so in its events, so that
//! everybody who waits for it hears it.

use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::engine::{Engine, Kind};

/// Whether an engine leaves it to others to run health checks, and nobody else does.
pub fn is_left_to_us(engine: &Engine) -> bool {
    let systemd = Path::new("/run/systemd/system").is_dir();
    engine.kind == Kind::Podman && engine.place.is_local() && !systemd
}

/// Asks for a check every so often, as long as the container runs. `told` is called after each.
pub async fn keep_checking(engine: &Engine, id: &str, every: Duration, told: impl Fn()) {
    let Some(socket) = engine.place.address.strip_prefix("unix://") else {
        return;
    };
    loop {
        tokio::time::sleep(every).await;
        match check(socket, id).await {
            Ok(true) => told(),
            // It has ended, or is gone.
            Ok(false) => return,
            // The engine is away; it is asked again.
            Err(error) => tracing::debug!(id, %error, "its health is not checked"),
        }
    }
}

/// One check. False if the engine refuses.
async fn check(socket: &str, id: &str) -> std::io::Result<bool> {
    let mut stream = UnixStream::connect(socket).await?;
    // The older form of HTTP: the answer ends with the connection.
    let request =
        format!("GET /v4.0.0/libpod/containers/{id}/healthcheck HTTP/1.0\r\nHost: d\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let status = answer.split(|byte| *byte == b' ').nth(1);
    Ok(status == Some(b"200"))
}
