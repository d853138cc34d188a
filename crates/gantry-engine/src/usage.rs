//! What instances have used: read when somebody asks, and never kept.

use std::collections::HashMap;
use std::sync::Arc;

use futures::future::join_all;
use gantry_api::{InstanceUsage, Status, UsageReport};
use gantry_core::InstanceId;
use gantry_driver::{Session, Usage};
use jiff::Timestamp;

/// Ask all sessions at once. One that cannot tell leaves its instances out.
pub(crate) async fn read(sessions: Vec<Arc<dyn Session>>) -> HashMap<InstanceId, Usage> {
    let answers = join_all(sessions.iter().map(|session| session.usage())).await;
    let mut all = HashMap::new();
    for answer in answers {
        match answer {
            Ok(some) => all.extend(some),
            Err(error) => tracing::warn!(%error, "what instances use cannot be read"),
        }
    }
    all
}

/// Put it into a status.
pub(crate) fn add(status: &mut Status, usage: &HashMap<InstanceId, Usage>) {
    for service in &mut status.services {
        let mut sum: Option<gantry_api::Usage> = None;
        for instance in &mut service.instances {
            let found = instance.id.parse::<InstanceId>();
            let Some(found) = found.ok().and_then(|id| usage.get(&id)) else {
                continue;
            };
            let found = wire(found);
            sum.get_or_insert_default().add(&found);
            instance.usage = Some(found);
        }
        service.usage = sum;
    }
}

/// It alone.
pub(crate) fn report(usage: HashMap<InstanceId, Usage>) -> UsageReport {
    let mut all: Vec<_> = usage.into_iter().collect();
    all.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    let instance = |(id, usage): (InstanceId, Usage)| InstanceUsage {
        id: id.to_string(),
        service: id.service.to_string(),
        usage: wire(&usage),
    };
    UsageReport {
        version: gantry_api::VERSION,
        at: Timestamp::now(),
        instances: all.into_iter().map(instance).collect(),
    }
}

fn wire(usage: &Usage) -> gantry_api::Usage {
    let seconds = |micros| std::time::Duration::from_micros(micros).as_secs_f64();
    gantry_api::Usage {
        cpu_s: usage.cpu_us.map(seconds),
        cpus: usage.cpus,
        memory: usage.memory,
        read: usage.read,
        written: usage.written,
        pids: usage.pids,
    }
}
