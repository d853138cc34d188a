//! Lengths of time and counts, the way people say them.

use std::time::Duration;

/// `3m 12s`, `2h 5m`, `4d 3h`; below a minute whole seconds.
pub(crate) fn uptime(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and a float that is too great becomes the greatest number"
    )]
    let seconds = seconds as u64;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{minutes}m {}s", seconds % 60),
        3_600..86_400 => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

/// The same for a wait, which is short and of which the first digits count: `85ms`, `1.2s`.
pub(crate) fn wait(time: Duration) -> String {
    let milliseconds = time.as_millis();
    match milliseconds {
        0..1_000 => format!("{milliseconds}ms"),
        1_000..60_000 => {
            let tenths = milliseconds / 100;
            format!("{}.{}s", tenths / 10, tenths % 10)
        }
        _ => uptime(time.as_secs_f64()),
    }
}

/// `1 service`, `2 services`.
pub(crate) fn count(number: usize, word: &str) -> String {
    match number {
        1 => format!("1 {word}"),
        _ => format!("{number} {word}s"),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list<S: AsRef<str>>(names: &[S]) -> String {
    match names {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}

/// The same of any number of names: of many, the first are named and the others counted.
pub(crate) fn some<S: AsRef<str>>(names: &[S]) -> String {
    const NAMED: usize = 8;
    // "and 1 more" is as long as the name.
    if names.len() <= NAMED + 1 {
        return list(names);
    }
    let first: Vec<&str> = names[..NAMED].iter().map(AsRef::as_ref).collect();
    format!("{} and {} more", first.join(", "), names.len() - NAMED)
}

#[cfg(test)]
mod tests;
