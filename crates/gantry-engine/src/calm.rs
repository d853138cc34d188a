//! What is done when there is nothing to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long it must have been quiet.
const AFTER: Duration = Duration::from_secs(1);

/// Something that is done once after each time of much work.
#[derive(Clone)]
pub(crate) struct Calm {
    then: Arc<dyn Fn() + Send + Sync>,
    ends: Arc<AtomicU64>,
}

impl Calm {
    pub(crate) fn new(then: impl Fn() + Send + Sync + 'static) -> Self {
        let (then, ends) = (Arc::new(then), Arc::default());
        Self { then, ends }
    }

    /// Something ended. If nothing else does for a while, it is time.
    pub(crate) fn ended(&self) {
        let Self { then, ends } = self.clone();
        let own = ends.fetch_add(1, Ordering::Relaxed) + 1;
        tokio::spawn(async move {
            tokio::time::sleep(AFTER).await;
            if ends.load(Ordering::Relaxed) == own {
                then();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::Calm;

    static CALLS: AtomicU64 = AtomicU64::new(0);

    #[tokio::test(start_paused = true)]
    async fn it_is_done_once_when_all_is_quiet() {
        let calm = Calm::new(|| {
            CALLS.fetch_add(1, Ordering::Relaxed);
        });
        for _ in 0..3 {
            calm.ended();
            tokio::time::sleep(Duration::from_millis(900)).await;
        }
        assert_eq!(CALLS.load(Ordering::Relaxed), 0);
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(CALLS.load(Ordering::Relaxed), 1);
    }
}
