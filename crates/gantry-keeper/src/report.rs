//! What guard and keeper have to say to a person, on standard error (which is `guard.log`).

use std::io::Write;

/// Write one line with the time. That it cannot be written is nothing to die of.
pub(crate) fn report(text: impl AsRef<str>) {
    let _ = std::io::stderr()
        .lock()
        .write_all(line(text.as_ref()).as_bytes());
}

/// A line as it stands in a log of gantry's own.
pub(crate) fn line(text: &str) -> String {
    format!(
        "{:.6} {}[{}]: {text}\n",
        jiff::Timestamp::now(),
        "gantry",
        std::process::id(),
    )
}
