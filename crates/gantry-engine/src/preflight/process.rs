//! Does something run that may not run beside a service?

use std::fs;

use futures::future::BoxFuture;
use gantry_driver::Missing;

use super::{Check, Subject, Surroundings, now};
use crate::holder;

pub(super) struct Process;

impl Check for Process {
    fn name(&self) -> &'static str {
        "conflict"
    }

    fn knows(&self, subject: &Subject) -> bool {
        matches!(
            subject,
            Subject::ConflictingPort(_) | Subject::ConflictingProcess(_)
        )
    }

    fn look<'a>(
        &'a self,
        subject: &'a Subject,
        _around: &'a Surroundings,
    ) -> BoxFuture<'a, Result<(), Missing>> {
        now(match subject {
            Subject::ConflictingPort(port) => nobody_at(*port),
            Subject::ConflictingProcess(name) => nobody_called(name),
            _ => Ok(()),
        })
    }
}

fn nobody_at(port: u16) -> Result<(), Missing> {
    let Some(holder) = holder::holder_of(port) else {
        return Ok(());
    };
    Err(Missing {
        reason: format!("conflicts with whoever listens at port {port}: {holder}"),
        hint: Some("end that process first".to_owned()),
    })
}

fn nobody_called(name: &str) -> Result<(), Missing> {
    let Some(pid) = running(name) else {
        return Ok(());
    };
    Err(Missing {
        reason: format!("conflicts with the process {name}, which runs (pid {pid})"),
        hint: Some("end that process first".to_owned()),
    })
}

/// The first process that was started as this program. The kernel cuts its own name for a process
/// (`comm`) after 15 bytes, so the name that it was called by counts, where we may see it.
fn running(name: &str) -> Option<u32> {
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let called = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let called = called.split(|byte| *byte == 0).next().unwrap_or_default();
        let called = called
            .rsplit(|byte| *byte == b'/')
            .next()
            .unwrap_or_default();
        let comm = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        if called == name.as_bytes() || comm.trim_end() == name {
            return Some(pid);
        }
    }
    None
}
