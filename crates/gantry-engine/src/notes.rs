//! What instances tell their users: read when somebody asks.

use std::sync::Arc;

use futures::future::join_all;
use gantry_api::{Notes, NotesReport};
use gantry_driver::Session;

/// Ask all sessions at once. One that cannot tell leaves its instances out.
pub(crate) async fn read(sessions: Vec<Arc<dyn Session>>) -> NotesReport {
    let answers = join_all(sessions.iter().map(|session| session.notes())).await;
    let mut notes = Vec::new();
    for answer in answers {
        match answer {
            Ok(some) => notes.extend(some.into_iter().map(|(instance, told)| Notes {
                service: instance.service.to_string(),
                of: told.of,
                text: told.text,
            })),
            Err(error) => tracing::warn!(%error, "what instances tell cannot be read"),
        }
    }
    notes.sort_by(|one, other| one.service.cmp(&other.service));
    NotesReport { notes }
}
