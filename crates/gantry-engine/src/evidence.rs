//! What backends know of instances: asked when somebody wants to keep it.

use std::sync::Arc;

use futures::future::join_all;
use gantry_api::{EvidenceFile, EvidenceReport};
use gantry_driver::Session;

/// Ask all sessions at once. One that cannot tell leaves its instances out.
pub(crate) async fn read(sessions: Vec<Arc<dyn Session>>) -> EvidenceReport {
    let answers = join_all(sessions.iter().map(|session| session.evidence())).await;
    let mut files = Vec::new();
    for answer in answers {
        match answer {
            Ok(found) => files.extend(found.into_iter().map(|(instance, file)| EvidenceFile {
                service: instance.service.to_string(),
                path: file.path.to_string(),
                text: file.text,
            })),
            Err(error) => tracing::warn!(%error, "what a backend knows cannot be read"),
        }
    }
    files.sort_by(|one, other| (&one.service, &one.path).cmp(&(&other.service, &other.path)));
    EvidenceReport { files }
}
