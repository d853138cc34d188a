//! From the core's words to those on the wire.

use gantry_core as core;

/// A failure.
pub(crate) fn failure(failure: &core::Failure) -> gantry_api::Failure {
    gantry_api::Failure {
        stage: failure.stage.as_str().to_owned(),
        kind: kind(failure.kind).to_owned(),
        reason: failure.reason.to_string(),
        step: failure.step.as_ref().map(ToString::to_string),
        evidence: failure.evidence.clone(),
        exit: failure.exit.as_ref().map(exit),
        tail: failure.tail.clone(),
        since: None,
        tried: None,
        hint: None,
    }
}

fn kind(kind: core::FailureKind) -> &'static str {
    match kind {
        core::FailureKind::Transient => "transient",
        core::FailureKind::Permanent => "permanent",
        core::FailureKind::Unreachable => "unreachable",
        core::FailureKind::NotOurs => "not-ours",
    }
}

/// The signal that cannot be caught.
const KILL: i32 = 9;

/// How something ended.
pub(crate) fn exit(exit: &core::ExitStatus) -> gantry_api::Exit {
    match exit {
        core::ExitStatus::Code(code)
        | core::ExitStatus::OutOfMemory {
            code: Some(code), ..
        } => gantry_api::Exit::Code(*code),
        core::ExitStatus::Signal(signal) => gantry_api::Exit::Signal(*signal),
        core::ExitStatus::Unknown(reason) => gantry_api::Exit::Unknown(reason.to_string()),
        // To the wire it is what the kernel did; that it was for memory is said by the failure.
        core::ExitStatus::OutOfMemory { code: None, .. } => gantry_api::Exit::Signal(KILL),
    }
}

/// A state.
pub(crate) fn state(state: core::ServiceState) -> gantry_api::State {
    gantry_api::State::of(state.as_str())
}

/// What is wanted.
pub(crate) fn desired(desired: core::Desired) -> gantry_api::Desired {
    match desired {
        core::Desired::Running => gantry_api::Desired::Running,
        core::Desired::Stopped => gantry_api::Desired::Stopped,
    }
}

/// A step of a plan.
pub(crate) fn step(step: &core::Step) -> gantry_api::Step {
    gantry_api::Step {
        action: step.action.as_str().to_owned(),
        service: step.service.to_string(),
        reason: step.reason.to_string(),
    }
}
