//! Ends of jobs that outlive a session.
//!
//! A job that is to run once must not run again because the supervisor that waited for it died. Two
//! things are done for that:
//!
//! - **Ends that came before this session did are kept.** The keeper tells them again, since nobody
//!   acknowledged them; who asks for such a job is told of its end, and it does not run again.
//! - **Ends that were passed on are not acknowledged** before the one who waited has written down what
//!   came of them: if it dies before that, the next session is told again.
//!
//! Such jobs are known by their names, since a session that begins knows nothing else of them.

use std::collections::HashMap;

use gantry_keeper::protocol::{EventBody, JobName};

/// What the name of a job begins with that runs once.
const ONCE: &str = "once: ";

/// The keeper's name of a job.
pub(crate) fn job_name(name: &str, once: bool) -> JobName {
    if once {
        JobName::new(format!("{ONCE}{name}"))
    } else {
        JobName::new(name)
    }
}

#[derive(Debug, Default)]
pub(super) struct Ends {
    /// Those of before, as they came.
    before: HashMap<JobName, EventBody>,
    /// The numbers of those that were not noted yet.
    open: HashMap<JobName, u64>,
}

impl Ends {
    /// A job ended before this session began.
    pub(super) fn keep(&mut self, body: EventBody) {
        if let EventBody::JobEnded { job, cancelled, .. } = &body
            && runs_once(job)
            && !cancelled
        {
            self.before.insert(job.clone(), body);
        }
    }

    /// How a job ended before this session began, if it did. Told once.
    pub(super) fn before(&mut self, job: &JobName) -> Option<EventBody> {
        self.before.remove(job)
    }

    /// The jobs that ended before this session began, and that nobody has asked for.
    pub(super) fn of_before(&self) -> impl Iterator<Item = &JobName> {
        self.before.keys()
    }

    /// This end is passed on.
    pub(super) fn passed_on(&mut self, job: &JobName, sequence: u64) {
        if runs_once(job) {
            self.open.insert(job.clone(), sequence);
        }
    }

    /// It was noted.
    pub(super) fn taken(&mut self, job: &JobName) {
        self.open.remove(job);
    }

    /// What may be acknowledged of the events up to this one.
    pub(super) fn up_to(&self, seen: u64) -> u64 {
        let first = self.open.values().min();
        first.map_or(seen, |first| seen.min(first.saturating_sub(1)))
    }
}

fn runs_once(job: &JobName) -> bool {
    job.as_str().starts_with(ONCE)
}
