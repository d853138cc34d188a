//! Credentials that only a kubectl of the user's own has, or may read: `microk8s kubectl`, `sudo kubectl`.

use std::sync::Arc;
use std::time::Duration;

use gantry_driver::{DriverError, HostJobs, JobRequest};
use kube::config::Kubeconfig;

use crate::cluster::Choice;

/// How long it may take to tell them, and how long they may be.
const QUICK: Duration = Duration::from_secs(20);
const CAPTURE: u64 = 4 * 1024 * 1024;

/// Asks it. What it says is kept in memory only.
pub(crate) async fn of_kubectl(
    host: &Arc<dyn HostJobs>,
    choice: &Choice,
) -> Result<Kubeconfig, DriverError> {
    let words = choice.tools.kubectl();
    let name = words.join(" ");
    let mut command = words;
    command.extend(["config", "view", "--raw", "--flatten", "--output", "yaml"].map(str::to_owned));
    if let Some(file) = &choice.kubeconfig {
        command.extend(["--kubeconfig".to_owned(), file.to_string()]);
    }
    let job = JobRequest {
        folder: Some("/".into()),
        ..JobRequest::host(format!("credentials of {name}"), command, QUICK, CAPTURE)
    };
    let wrong = |reason: String| DriverError::permanent("context", reason);
    let asked = host.run(job).await;
    let outcome =
        asked.map_err(|error| wrong(format!("`{name}` cannot be run: {}", error.reason)))?;
    if !outcome.success() {
        // What it prints as its result may be secret; its errors are for people.
        let said = outcome
            .stderr
            .lines()
            .rev()
            .map(str::trim)
            .find(|line| !line.is_empty());
        let said = said.unwrap_or("it does not say why");
        return Err(wrong(format!("`{name} config view` fails: {said}")));
    }
    Kubeconfig::from_yaml(&outcome.stdout).map_err(|_| {
        wrong(format!(
            "what `{name} config view` prints is no configuration"
        ))
    })
}
