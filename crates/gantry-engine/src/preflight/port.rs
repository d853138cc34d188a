//! Are the ports free that services will listen at?

use futures::future::BoxFuture;
use gantry_driver::Missing;

use super::{Check, Subject, Surroundings, now};
use crate::holder;

pub(super) struct Port;

impl Check for Port {
    fn name(&self) -> &'static str {
        "port"
    }

    fn knows(&self, subject: &Subject) -> bool {
        matches!(subject, Subject::Port { .. })
    }

    fn look<'a>(
        &'a self,
        subject: &'a Subject,
        _around: &'a Surroundings,
    ) -> BoxFuture<'a, Result<(), Missing>> {
        now(match subject {
            Subject::Port { name, number } => free(name, *number),
            _ => Ok(()),
        })
    }
}

fn free(name: &str, number: u16) -> Result<(), Missing> {
    if holder::is_free(number) {
        return Ok(());
    }
    let reason = match holder::holder_of(number) {
        Some(holder) => format!("port {number} (`{name}`) is held by {holder}"),
        // Bound without listening, or in another network namespace's view.
        None => format!("port {number} (`{name}`) is taken"),
    };
    Err(Missing {
        reason,
        hint: Some("end that process, or give the service another port; 0 picks a free one".into()),
    })
}
