//! Settings, by way of environment variables.

use std::str::FromStr;

/// The value of a variable, or an error that names it.
pub(crate) fn required(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|error| format!("{name}: {error}"))
}

/// The value of a variable as a number or an address, or an error that names it.
pub(crate) fn parsed<T: FromStr>(name: &str) -> Result<T, String> {
    let text = required(name)?;
    text.parse()
        .map_err(|_| format!("{name}: {text:?} is not what is wanted here"))
}

/// Which copy of a service this is, as its supervisor calls it.
pub(crate) fn instance(service: &str) -> String {
    std::env::var("GANTRY_INSTANCE").unwrap_or_else(|_| service.to_owned())
}
