use gantry_core::ExitStatus;
use gantry_driver::{BoxFuture, JobOutcome};

use super::*;

/// Prints this, whatever is run.
struct Prints(i32, &'static str, &'static str);

impl HostJobs for Prints {
    fn run(&self, job: JobRequest) -> BoxFuture<'_, Result<JobOutcome, DriverError>> {
        let info = job
            .env
            .iter()
            .find(|(name, _)| name == "KUBERNETES_EXEC_INFO");
        let info = info.map(|(_, value)| value.as_str());
        let expected = r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":false}}"#;
        assert_eq!(info, Some(expected));
        let outcome = JobOutcome {
            exit: ExitStatus::Code(self.0),
            timed_out: false,
            duration: Duration::ZERO,
            stdout: self.1.to_owned(),
            stderr: self.2.to_owned(),
            incomplete: false,
        };
        Box::pin(async move { Ok(outcome) })
    }
}

async fn told(by: Prints) -> Result<(Option<String>, Option<String>, Option<Timestamp>), String> {
    let host: Arc<dyn HostJobs> = Arc::new(by);
    let exec = json!({ "apiVersion": "client.authentication.k8s.io/v1", "command": "login", "args": ["--once"] });
    let exec: ExecConfig = serde_json::from_value(exec).expect("a plug-in");
    let mut into = AuthInfo::default();
    let until = ask(&host, "here", exec, &mut into).await;
    let until = until.map_err(|error| error.reason.clone())?;
    let shown = serde_json::to_value(&into).expect("credentials");
    let token = shown["token"].as_str().map(str::to_owned);
    Ok((token, into.client_certificate_data, until))
}

#[tokio::test]
async fn a_token_and_its_end_are_taken() {
    let printed = r#"{"status": {"token": "abc", "expirationTimestamp": "2030-01-02T03:04:05Z"}}"#;
    let (_, certificate, until) = told(Prints(0, printed, "")).await.expect("credentials");
    assert_eq!(certificate, None);
    let expected = "2030-01-02T03:04:05Z".parse().expect("a time");
    assert_eq!(until, Some(expected));
    let printed = "status: { clientCertificateData: one, clientKeyData: two }";
    let (_, certificate, until) = told(Prints(0, printed, "")).await.expect("credentials");
    assert_eq!((certificate.as_deref(), until), (Some("b25l"), None));
}

#[tokio::test]
async fn what_it_does_wrong_is_told_without_what_may_be_secret() {
    for (by, expected) in [
        (
            Prints(1, "hunter2", "first\nlog in again\n"),
            "the credential plug-in `login --once` failed with exit code 1: log in again",
        ),
        (
            Prints(0, "hunter2", ""),
            "the credential plug-in `login --once` printed no ExecCredential",
        ),
        (
            Prints(0, "{}", ""),
            "the credential plug-in `login --once` printed no status",
        ),
        (
            Prints(0, "status: {}", ""),
            "the credential plug-in `login --once` printed neither token nor certificate",
        ),
    ] {
        assert_eq!(told(by).await.expect_err("an error"), expected);
    }
}
