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
            EventKind::Backend => Text::from(harmless(event.child.as_deref().unwrap_or_default())),
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

/// Bring what backends told to where it happened: that may be known late. All else stays in the order in which it
/// was told, whatever its times: a clock may have been set back.
pub(crate) fn in_order<T>(events: &mut [T], event: impl Fn(&T) -> &Event) {
    for place in 1..events.len() {
        let told = event(&events[place]);
        if told.kind != EventKind::Backend {
            continue;
        }
        let at = told.at;
        let before = events[..place].iter().rev();
        let later = before.take_while(|other| event(other).at > at).count();
        events[place - later..=place].rotate_right(1);
    }
}

#[cfg(test)]
mod tests;
