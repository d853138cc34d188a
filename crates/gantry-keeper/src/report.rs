//! What guard and keeper have to say to a person, on standard error (which is `guard.log`).

use std::io::Write;

/// Write one line with the time. That it cannot be written is nothing to die of.
pub(crate) fn report(text: impl AsRef<str>) {
    let line = format!(
        "{:.6} {}[{}]: {}\n",
        jiff::Timestamp::now(),
        "gantry",
        std::process::id(),
        text.as_ref()
    );
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}
