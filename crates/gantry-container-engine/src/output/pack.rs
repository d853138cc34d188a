//! Compressing the rotated files of a log that is copied here.

use std::time::Duration;

use gantry_log::LogFolder;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// How often it is looked whether something was rotated.
const PERIOD: Duration = Duration::from_secs(2);

/// One log at a time: nobody waits for it, and a folder takes only one who does it.
static TURN: Mutex<()> = Mutex::const_new(());

/// Compresses what is rotated, until this is over, and then once more.
pub(super) async fn all(folder: LogFolder, over: CancellationToken) {
    let mut told = false;
    loop {
        let last = over.is_cancelled();
        let wrong = once(&folder).await;
        if let Some(wrong) = wrong.filter(|_| !std::mem::replace(&mut told, true)) {
            tracing::warn!(wrong, "log not compressed");
        }
        if last {
            return;
        }
        tokio::select! {
            () = over.cancelled() => {}
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

/// What went wrong, if anything.
async fn once(folder: &LogFolder) -> Option<String> {
    let _turn = TURN.lock().await;
    let folder = folder.clone();
    let done = tokio::task::spawn_blocking(move || {
        // Before its first line there is none.
        if !folder.path().exists() {
            return None;
        }
        let error = gantry_log::compress(&folder, || true).err()?;
        Some(format!("{error}: {}", error.source))
    });
    done.await.unwrap_or_else(|error| Some(error.to_string()))
}
