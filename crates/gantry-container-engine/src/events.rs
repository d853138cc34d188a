//! Hearing what happens to containers.

use std::collections::HashMap;
use std::time::Duration;

use bollard::query_parameters::EventsOptions;
use futures::StreamExt as _;
use gantry_driver::DriverError;
use jiff::Timestamp;

use crate::engine::Engine;

/// How long until an engine that is away is tried again, at first and at most.
const AGAIN: Duration = Duration::from_millis(100);
const AT_MOST: Duration = Duration::from_secs(2);

/// What an engine tells. `S` is what is found by looking at everything.
#[derive(Debug)]
pub enum News<S> {
    /// Something happened to this container.
    Of {
        /// The engine's own name for it.
        id: String,
        /// What is written on it: its labels, its image and its name.
        marks: HashMap<String, String>,
    },
    /// The engine cannot be reached.
    Away(String),
    /// It can be reached again, and has these.
    Back(S),
}

/// Listens for ever to what happens to containers with this label from this moment on, and says when the
/// engine is away and back. Ends when `tell` says that nobody listens any more.
pub async fn watch<S, Looked>(
    engine: &Engine,
    label: &str,
    mut from: Timestamp,
    look: impl Fn() -> Looked,
    tell: impl Fn(News<S>) -> bool,
) where
    Looked: Future<Output = Result<S, DriverError>>,
{
    loop {
        let reason = listen(engine, label, from, &tell).await;
        from = Timestamp::now();
        let mut wait = AGAIN;
        let mut told = false;
        let seen = loop {
            match look().await {
                Ok(seen) => break seen,
                Err(_) if told => {}
                Err(error) => {
                    told = true;
                    // Why it cannot be reached says more than how the stream broke off.
                    tracing::debug!(?reason, %error, "the engine is away");
                    if !tell(News::Away(format!("the engine does not answer: {error}"))) {
                        return;
                    }
                }
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(AT_MOST);
        };
        if !tell(News::Back(seen)) {
            return;
        }
    }
}

/// Listens until the stream ends; gives why, if the engine says.
async fn listen<S>(
    engine: &Engine,
    label: &str,
    from: Timestamp,
    tell: &impl Fn(News<S>) -> bool,
) -> Option<String> {
    let filters = HashMap::from([
        ("type".to_owned(), vec!["container".to_owned()]),
        ("label".to_owned(), vec![label.to_owned()]),
    ]);
    let options = EventsOptions {
        // Its clock and ours may differ by a little; what is heard twice does no harm.
        since: Some((from.as_second() - 1).to_string()),
        until: None,
        filters: Some(filters),
    };
    let mut events = engine.api.events(Some(options));
    loop {
        match events.next().await {
            Some(Ok(event)) => {
                let action = event.action.unwrap_or_default();
                // Health checks and commands inside come and go; of these only the verdict counts.
                let counts = !action.starts_with("exec_") && action != "top";
                let actor = event.actor.filter(|_| counts).unwrap_or_default();
                let marks = actor.attributes.unwrap_or_default();
                if let Some(id) = actor.id
                    && !tell(News::Of { id, marks })
                {
                    return None;
                }
            }
            Some(Err(error)) => return Some(error.to_string()),
            None => return None,
        }
    }
}
