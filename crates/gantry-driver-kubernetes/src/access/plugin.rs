//! Credential plug-ins: commands that print a token or a certificate. They are jobs, as all commands are.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gantry_driver::{DriverError, HostJobs, JobRequest};
use jiff::Timestamp;
use kube::config::{AuthInfo, ExecConfig};
use serde::Deserialize;
use serde_json::json;

/// How long one may take, and how much it may print.
const LIMIT: Duration = Duration::from_mins(1);
const CAPTURE: u64 = 1024 * 1024;

/// What a plug-in prints.
#[derive(Deserialize)]
struct Printed {
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
    expiration_timestamp: Option<String>,
}

/// Asks it, and puts what it says where a configuration would say it. Gives the end of its validity.
pub(super) async fn ask(
    host: &Arc<dyn HostJobs>,
    context: &str,
    exec: ExecConfig,
    into: &mut AuthInfo,
) -> Result<Option<Timestamp>, DriverError> {
    let wrong = |reason: String| DriverError::permanent("credentials", reason);
    let hint = exec.install_hint.clone();
    let job = job(context, exec)
        .ok_or_else(|| wrong("the credential plug-in has no `command`".to_owned()))?;
    let words = job.command.join(" ");
    let outcome = host.run(job).await.map_err(|error| {
        let hint = hint.map_or_else(String::new, |hint| format!("; {}", hint.trim()));
        wrong(format!(
            "the credential plug-in `{words}` cannot be run: {}{hint}",
            error.reason
        ))
    })?;
    if !outcome.success() {
        // What it prints as its result may be secret; its errors are for people.
        let said = outcome.stderr.lines().rev().map(str::trim);
        let said = said.into_iter().find(|line| !line.is_empty());
        let said = said.map_or_else(String::new, |line| format!(": {line}"));
        let how = if outcome.timed_out {
            format!("did not end within {} s", LIMIT.as_secs())
        } else {
            format!("failed with {}", outcome.exit)
        };
        return Err(wrong(format!(
            "the credential plug-in `{words}` {how}{said}"
        )));
    }
    let no = |what: &str| wrong(format!("the credential plug-in `{words}` printed {what}"));
    let printed: Printed =
        serde_saphyr::from_str(&outcome.stdout).map_err(|_| no("no ExecCredential"))?;
    let status = printed.status.ok_or_else(|| no("no status"))?;
    match (status.client_certificate_data, status.client_key_data) {
        (Some(certificate), Some(key)) => {
            into.client_certificate_data = Some(STANDARD.encode(certificate));
            into.client_key_data = Some(STANDARD.encode(key).into());
        }
        _ if status.token.is_none() => return Err(no("neither token nor certificate")),
        _ => {}
    }
    if let Some(token) = status.token {
        into.token = Some(token.into());
    }
    let until = status.expiration_timestamp;
    let until = until.map(|text| text.parse::<Timestamp>()).transpose();
    until.map_err(|_| no("an end of its validity that is no time"))
}

/// The job that runs it; nothing if there is no command.
fn job(context: &str, exec: ExecConfig) -> Option<JobRequest> {
    let command: Vec<String> = exec.command.into_iter().collect();
    let name = format!("credentials of context {context}");
    let info = json!({
        "apiVersion": exec.api_version,
        "kind": "ExecCredential",
        "spec": { "interactive": false, "cluster": exec.cluster },
    });
    let variables = exec.env.unwrap_or_default().into_iter();
    let mut env: Vec<(String, String)> = variables
        .filter_map(|mut one| Some((one.remove("name")?, one.remove("value")?)))
        .collect();
    env.push(("KUBERNETES_EXEC_INFO".to_owned(), without_nulls(&info)));
    if command.is_empty() {
        return None;
    }
    let command = command.into_iter().chain(exec.args.unwrap_or_default());
    Some(JobRequest {
        env,
        folder: Some("/".into()),
        ..JobRequest::host(name, command.collect(), LIMIT, CAPTURE)
    })
}

fn without_nulls(info: &serde_json::Value) -> String {
    let mut info = info.clone();
    for part in ["/spec", ""] {
        if let Some(fields) = info.pointer_mut(part).and_then(|it| it.as_object_mut()) {
            fields.retain(|_, value| !value.is_null());
        }
    }
    info.to_string()
}

#[cfg(test)]
mod tests;
