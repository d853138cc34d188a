//! States in their tones.

use gantry_api::{BriefService, ChildStatus, State};

use crate::style::{Text, Tone, harmless};

/// The tone of a state.
pub(crate) fn tone(state: State) -> Tone {
    match state {
        State::Running | State::Completed => Tone::Good,
        State::Starting | State::Stopping | State::Updating | State::Waiting => Tone::Busy,
        State::Backoff | State::Degraded | State::Blocked | State::Unknown => Tone::Warn,
        State::Failed => Tone::Bad,
        State::Stopped => Tone::Dim,
    }
}

/// The word of a state in its tone.
pub(crate) fn word(state: State) -> Text {
    Text::of(tone(state), state.as_str())
}

/// The state of a service; one that runs and is not ready stands out.
pub(crate) fn of_service(state: State, ready: bool) -> Text {
    let not_ready = state == State::Running && !ready;
    let tone = if not_ready { Tone::Warn } else { tone(state) };
    Text::of(tone, state.as_str())
}

/// The backend's word for a part of a service.
pub(crate) fn of_child(child: &ChildStatus) -> Text {
    let tone = if child.ready || child.completed {
        Tone::Good
    } else if child.message.is_some() {
        Tone::Bad
    } else {
        Tone::Busy
    };
    Text::of(tone, harmless(&child.state))
}

/// How many of a service's instances are ready: `1/1`. Nothing for a job and for what is stopped.
pub(crate) fn readiness(service: &BriefService<'_>) -> Text {
    let wanted = service.instances.len();
    if service.job || wanted == 0 || service.state == State::Stopped {
        return Text::new();
    }
    let ready = service.instances.iter().filter(|one| one.ready).count();
    let tone = if ready == wanted {
        Tone::Plain
    } else {
        Tone::Warn
    };
    Text::of(tone, format!("{ready}/{wanted}"))
}
