//! From an engine's errors to the driver's.

use bollard::errors::Error;
use gantry_driver::DriverError;

/// The status with which an engine says that something does not exist.
const NOT_FOUND: u16 = 404;
/// That it will not do it.
const FORBIDDEN: u16 = 403;
/// That something went wrong inside it.
const INTERNAL: u16 = 500;
/// That it is there already, or in another state.
const CONFLICT: u16 = 409;

/// Whether an engine says that something does not exist.
pub fn is_not_found(error: &Error) -> bool {
    status(error) == Some(NOT_FOUND)
}

/// Whether an engine says that it is there already, or in another state.
pub fn is_conflict(error: &Error) -> bool {
    status(error) == Some(CONFLICT)
}

/// Whether an engine will not remove something because others use it.
pub fn is_in_use(error: &Error) -> bool {
    let says_so = || error.to_string().contains("used by");
    match status(error) {
        Some(FORBIDDEN | CONFLICT) => true,
        // Podman's way to say it.
        Some(INTERNAL) => says_so(),
        _ => false,
    }
}

/// Whether an engine says that it stumbled itself.
pub fn is_internal(error: &Error) -> bool {
    status(error) == Some(INTERNAL)
}

/// Whether an engine answered in words that are not in its language's dictionary.
pub fn is_unreadable(error: &Error) -> bool {
    matches!(error, Error::JsonDataError { .. })
}

fn status(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// The same in the driver's words: what an engine refuses is its answer; everything else means that it
/// could not be reached.
pub fn of(stage: &'static str, error: &Error) -> DriverError {
    match error {
        Error::DockerResponseServerError {
            status_code,
            message,
        } => {
            let message = message.trim().to_owned();
            // Names in use, ports that are taken and the like pass; a wrong request does not.
            if *status_code == 400 || *status_code == NOT_FOUND {
                DriverError::permanent(stage, message)
            } else {
                DriverError::transient(stage, message)
            }
        }
        Error::DockerStreamError { error } => DriverError::transient(stage, error.trim()),
        Error::DockerContainerWaitError { error, .. } => {
            DriverError::transient(stage, error.trim())
        }
        Error::JsonDataError { message, .. } => DriverError::transient(
            stage,
            format!("the engine's answer cannot be read: {message}"),
        ),
        Error::RequestTimeoutError => {
            DriverError::unreachable(stage, "the engine did not answer in time")
        }
        other => DriverError::unreachable(stage, words(other)),
    }
}

/// The error with its causes, each said once. Of one of the connection only the innermost says anything.
fn words(error: &Error) -> String {
    let mut text = error.to_string();
    if matches!(error, Error::HyperLegacyError { .. }) {
        let mut innermost: &dyn std::error::Error = error;
        while let Some(next) = innermost.source() {
            innermost = next;
        }
        let plain = innermost.to_string().to_lowercase();
        return plain
            .split(" (os error")
            .next()
            .unwrap_or_default()
            .to_owned();
    }
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        let more = next.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = next.source();
    }
    text
}
