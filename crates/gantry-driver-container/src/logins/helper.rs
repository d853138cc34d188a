//! Programs that keep logins: `docker-credential-NAME`, asked as Docker and Podman ask them.

use std::sync::Arc;
use std::time::Duration;

use bollard::auth::DockerCredentials;
use gantry_driver::{HostJobs, JobPlace, JobRequest};
use serde::Deserialize;
use smol_str::format_smolstr;

/// How long one may take: some unlock something first.
const LIMIT: Duration = Duration::from_secs(30);

/// How much it may say.
const CAPTURE: u64 = 64 * 1024;

/// In place of a user's name it stands before a token.
const TOKEN: &str = "<token>";

/// It reads from its input for which registry it is asked, and a job has none.
const SCRIPT: &str = "printf %s \"$1\" | \"$2\" get";

/// What it prints.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// The program of a helper.
pub(super) fn program(name: &str) -> String {
    format!("docker-credential-{name}")
}

/// Asks a helper for the login of a registry. What is wrong completes a sentence that begins with its name, and has
/// nothing secret in it.
pub(super) async fn ask(
    host: &Arc<dyn HostJobs>,
    name: &str,
    server: &str,
) -> Result<DockerCredentials, String> {
    let known = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if name.is_empty() || !name.chars().all(known) {
        return Err("is no name of a program that keeps logins".into());
    }
    let program = program(name);
    let words = ["sh", "-c", SCRIPT, "sh", server, &program];
    let job = JobRequest {
        name: format_smolstr!("login {server} of {name}"),
        command: words.map(str::to_owned).into(),
        env: Vec::new(),
        // It is there, whatever of the stack is known.
        folder: Some("/".into()),
        time_limit: LIMIT,
        capture: CAPTURE,
        once: false,
        place: JobPlace::Host,
        log_as: None,
        input: None,
        grace: Duration::ZERO,
    };
    let outcome = host.run(job).await;
    let outcome = outcome.map_err(|error| format!("cannot be asked: {error}"))?;
    if let Some(wrong) = outcome.wrong(LIMIT) {
        // What went wrong is told on its output.
        let said = [&outcome.stdout, &outcome.stderr];
        let said = said.iter().flat_map(|text| text.lines()).map(str::trim);
        let mut said = said.filter(|line| !line.is_empty() && !line.starts_with('{'));
        return Err(match said.next_back() {
            Some(line) => format!("has none: {line}"),
            None => wrong,
        });
    }
    let answer: Answer = serde_json::from_str(&outcome.stdout)
        .map_err(|_| "printed something that is no login".to_owned())?;
    let is_token = answer.username == TOKEN;
    Ok(DockerCredentials {
        username: Some(answer.username).filter(|_| !is_token),
        password: Some(answer.secret.clone()).filter(|_| !is_token),
        identitytoken: Some(answer.secret).filter(|_| is_token),
        serveraddress: Some(server.to_owned()),
        ..DockerCredentials::default()
    })
}
