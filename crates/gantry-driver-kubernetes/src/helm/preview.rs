//! What an upgrade would make, without making it.

use std::time::Duration;

use gantry_driver::DriverError;

use super::release::Release;
use super::tool::{Ask, Tool, failure};
use super::words::Upgrade;

/// How long a rehearsal may take.
const LIMIT: Duration = Duration::from_mins(2);

/// Has Helm render it with the knowledge of the cluster: its versions, its kinds, and what a chart looks up.
pub(crate) async fn rehearse(
    tool: &Tool,
    upgrade: &Upgrade<'_>,
    name: &str,
) -> Result<Release, DriverError> {
    let mut words = upgrade.words(tool);
    words.extend(["--dry-run=server", "--output", "json"].map(str::to_owned));
    let ask = Ask {
        name: format!("helm rehearsal of {name}").into(),
        words,
        input: upgrade.input(),
        limit: LIMIT,
        once: false,
    };
    let outcome = tool.run(ask).await?;
    if !outcome.success() {
        return Err(failure("render", &outcome, LIMIT));
    }
    Release::printed(&outcome.stdout).ok_or_else(|| {
        let reason = "what helm has rendered cannot be read";
        DriverError::permanent("render", reason)
    })
}
