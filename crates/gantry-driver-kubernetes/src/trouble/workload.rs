//! What the conditions of a workload tell.

use serde_json::Value;

use super::{Trouble, Weight, uncreated, with};
use crate::standing::{condition, group_and_kind, number, says, text};

/// What the conditions of a workload tell: pods that it may not create, a deadline that has passed, a job that failed.
pub(crate) fn of_workload(object: &Value) -> Vec<Trouble> {
    let holds = |kind| condition(object, kind).filter(|it| says(it, "True"));
    let (group, kind) = group_and_kind(object);
    if (group, kind) == ("batch", "Job") {
        // The target is set at once, the end when its pods are gone.
        return holds("Failed")
            .or_else(|| holds("FailureTarget"))
            .map(|it| failed_job(object, it))
            .into_iter()
            .collect();
    }
    if !matches!(kind, "Deployment" | "ReplicaSet" | "ReplicationController") {
        return Vec::new();
    }
    let mut found = Vec::new();
    if let Some(it) = holds("ReplicaFailure") {
        let unsaid = || Trouble::new(Weight::Once, "a pod of it cannot be created");
        found.push(text(it, "/message").map_or_else(unsaid, uncreated));
    }
    let progressing = condition(object, "Progressing");
    if let Some(it) =
        progressing.filter(|it| text(it, "/reason") == Some("ProgressDeadlineExceeded"))
    {
        let deadline = number(object, "/spec/progressDeadlineSeconds").map_or_else(
            || "its deadline".to_owned(),
            |it| format!("its deadline of {it} s"),
        );
        let what = with(
            &format!("made no progress within {deadline}"),
            text(it, "/message").unwrap_or_default(),
        );
        found.push(Trouble::new(Weight::Hopeless, what));
    }
    found
}

fn failed_job(job: &Value, failed: &Value) -> Trouble {
    let message = text(failed, "/message").unwrap_or_default();
    let what = match text(failed, "/reason").unwrap_or_default() {
        "BackoffLimitExceeded" => match number(job, "/spec/backoffLimit") {
            Some(0) => "failed, and may not be tried again (its backoff limit is 0)".to_owned(),
            Some(limit) => format!("failed more often than it may (its backoff limit is {limit})"),
            None => "failed more often than it may".to_owned(),
        },
        "DeadlineExceeded" => match number(job, "/spec/activeDeadlineSeconds") {
            Some(limit) => format!("took longer than it may ({limit} s)"),
            None => "took longer than it may".to_owned(),
        },
        "" => with("failed", message),
        reason => with(&format!("failed: {reason}"), message),
    };
    Trouble::new(Weight::Hopeless, what)
}
