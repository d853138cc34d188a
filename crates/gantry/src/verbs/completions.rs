//! `gantry completions`.

use clap_complete::env::Shells;

use crate::cli::CompletionsArgs;
use crate::error::Error;
use crate::output::Output;

/// The script that a shell reads once. It asks this program for the names at each press of a key.
pub(crate) fn run(args: &CompletionsArgs, output: &Output) -> Result<(), Error> {
    let shells = Shells::builtins();
    let mut script = Vec::new();
    if let Some(shell) = shells.completer(&args.shell) {
        shell
            .write_registration("COMPLETE", "gantry", "gantry", "gantry", &mut script)
            .map_err(|source| Error::io("write the completions", source))?;
    }
    output.results.bytes(&script);
    Ok(())
}
