//! Events as lines.

use gantry_api::{Event, EventKind};
use jiff::tz::TimeZone;

use super::state;
use crate::style::{Text, Tone, harmless};

/// One event in one line; names are padded to `width`.
pub(crate) fn line(event: &Event, width: usize, zone: &TimeZone) -> Text {
    let time = event.at.to_zoned(zone.clone()).strftime("%H:%M:%S%.3f");
    let name = event.instance.as_deref().or(event.service.as_deref());
    let mut line = Text::of(Tone::Dim, time.to_string())
        .plain("  ")
        .join(Text::from(name.unwrap_or("-")).padded(width))
        .plain("  ");
    let word = match (event.from, event.to) {
        (Some(from), Some(to)) if from != to => state::word(from)
            .and(Tone::Dim, " -> ")
            .join(state::word(to)),
        (_, Some(to)) => match event.ready {
            Some(true) => Text::of(Tone::Good, "ready"),
            Some(false) => Text::of(Tone::Warn, "not ready"),
            None => state::word(to),
        },
        _ => match event.kind {
            EventKind::Reload => Text::of(Tone::Strong, "reload"),
            EventKind::OperationBegun => Text::of(Tone::Strong, "operation begun"),
            EventKind::OperationEnded => Text::of(Tone::Strong, "operation ended"),
            EventKind::SupervisorBegun => Text::of(Tone::Strong, "supervisor begun"),
            EventKind::Transition | EventKind::Instance | EventKind::Note => Text::new(),
        },
    };
    if !word.is_empty() {
        line = line.join(word);
        if !event.message.is_empty() {
            line = line.plain("  ");
        }
    }
    line.plain(harmless(&event.message))
}
