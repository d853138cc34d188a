use std::fs;
use std::time::Duration;

use futures::FutureExt as _;
use gantry_core::ExitStatus;
use gantry_driver::{BoxFuture, DriverError, JobOutcome, JobRequest};

use super::*;

/// `user:secret` and `other:pa:ss`, as clients write them.
const USER: &str = "dXNlcjpzZWNyZXQ=";
const OTHER: &str = "b3RoZXI6cGE6c3M=";

/// The login for an image where Docker's file is this one, and Podman's that.
fn login(kind: Kind, docker: &str, podman: &str, image: &str) -> Login {
    let folder = tempfile::tempdir().unwrap();
    let path = Utf8Path::from_path(folder.path()).unwrap();
    fs::write(path.join("config.json"), docker).unwrap();
    fs::write(path.join("auth.json"), podman).unwrap();
    let environment = BTreeMap::from([
        ("DOCKER_CONFIG".to_owned(), path.to_string()),
        (
            "REGISTRY_AUTH_FILE".to_owned(),
            path.join("auth.json").into(),
        ),
    ]);
    let vault: Arc<dyn HostJobs> = Arc::new(Vault);
    let logins = Logins::of(&environment, Some(vault));
    let found = logins.of_image(kind, image);
    let mut login = found.now_or_never().expect("nobody waits");
    if let Story::From(file) | Story::Given(_, file) | Story::NotGiven(_, file, _) =
        &mut login.story
    {
        *file = file.file_name().unwrap().into();
    }
    login
}

/// Runs one program, which keeps one login.
struct Vault;

impl HostJobs for Vault {
    fn run(&self, job: JobRequest) -> BoxFuture<'_, Result<JobOutcome, DriverError>> {
        let words: Vec<&str> = job.command.iter().map(String::as_str).collect();
        let (code, stdout) = match words[4..] {
            ["r.example", "docker-credential-vault"] => (
                0,
                r#"{"ServerURL": "r.example", "Username": "user", "Secret": "secret"}"#,
            ),
            ["https://index.docker.io/v1/", "docker-credential-vault"] => (
                0,
                r#"{"ServerURL": "", "Username": "<token>", "Secret": "long"}"#,
            ),
            [_, "docker-credential-vault"] => (1, "credentials not found in the vault\n"),
            _ => (127, ""),
        };
        let outcome = JobOutcome {
            exit: ExitStatus::Code(code),
            timed_out: false,
            duration: Duration::ZERO,
            stdout: stdout.into(),
            stderr: String::new(),
            incomplete: false,
        };
        Box::pin(std::future::ready(Ok(outcome)))
    }
}

fn who(login: &Login) -> Option<(&str, &str)> {
    let credentials = login.credentials.as_ref()?;
    let password = credentials.password.as_deref();
    Some((
        credentials.username.as_deref()?,
        password.unwrap_or_default(),
    ))
}

#[test]
fn the_login_of_an_images_registry_is_found() {
    let docker = format!(
        r#"{{"auths": {{"https://index.docker.io/v1/": {{"auth": "{USER}"}}, "localhost:5000": {{"auth": "{OTHER}"}}}}}}"#
    );
    let of = |image| login(Kind::Docker, &docker, "{}", image);
    for image in ["postgres:16", "team/app", "docker.io/team/app:1"] {
        assert_eq!(who(&of(image)), Some(("user", "secret")), "{image}");
    }
    let image = "localhost:5000/team/app@sha256:0";
    assert_eq!(who(&of(image)), Some(("other", "pa:ss")));
    assert_eq!(who(&of("registry.example/app:1")), None);
    let said = of("registry.example/app:1").to_string();
    assert!(said.contains("config.json or "), "{said}");
}

#[test]
fn the_engines_own_client_is_asked_first() {
    let one = format!(r#"{{"auths": {{"r.example": {{"auth": "{USER}"}}}}}}"#);
    let two = format!(r#"{{"auths": {{"r.example": {{"auth": "{OTHER}"}}}}}}"#);
    let of = |kind| login(kind, &one, &two, "r.example/app");
    assert_eq!(who(&of(Kind::Docker)), Some(("user", "secret")));
    assert_eq!(who(&of(Kind::Podman)), Some(("other", "pa:ss")));
    assert_eq!(
        of(Kind::Podman).to_string(),
        "the login of auth.json was used"
    );
    let other = login(Kind::Podman, &one, "{}", "r.example/app");
    assert_eq!(who(&other), Some(("user", "secret")));
}

#[test]
fn a_part_of_a_registry_may_have_a_login_of_its_own() {
    let file = format!(
        r#"{{"auths": {{"r.example/team": {{"auth": "{OTHER}"}}, "r.example": {{"auth": "{USER}"}}}}}}"#
    );
    let of = |image| login(Kind::Podman, "{}", &file, image);
    assert_eq!(who(&of("r.example/team/app:1")), Some(("other", "pa:ss")));
    assert_eq!(who(&of("r.example/else:1")), Some(("user", "secret")));
}

#[test]
fn the_program_that_keeps_a_login_is_asked() {
    for file in [
        r#"{"auths": {"r.example": {}}, "credsStore": "vault"}"#,
        r#"{"credHelpers": {"r.example": "vault"}}"#,
    ] {
        let login = login(Kind::Docker, file, "{}", "r.example/app");
        assert_eq!(who(&login), Some(("user", "secret")));
        assert_eq!(
            login.to_string(),
            "the login was used that config.json leaves to `docker-credential-vault`"
        );
    }
    let file = r#"{"credHelpers": {"docker.io": "vault"}}"#;
    let token = login(Kind::Docker, file, "{}", "postgres:16");
    let credentials = token.credentials.unwrap();
    assert_eq!(credentials.identitytoken.as_deref(), Some("long"));
    assert_eq!(credentials.username, None);
    // What a file has itself is not asked for.
    let file =
        format!(r#"{{"auths": {{"r.example": {{"auth": "{OTHER}"}}}}, "credsStore": "vault"}}"#);
    let both = login(Kind::Docker, &file, "{}", "r.example/app");
    assert_eq!(who(&both), Some(("other", "pa:ss")));
}

#[test]
fn a_program_that_gives_none_is_told_and_the_next_file_counts() {
    let said = |helper: &str| {
        let file = format!(r#"{{"credHelpers": {{"other.example": "{helper}"}}}}"#);
        let login = login(Kind::Docker, &file, "{}", "other.example/app");
        assert_eq!(who(&login), None);
        login.to_string()
    };
    let leaves = "config.json leaves the password to `docker-credential-";
    assert_eq!(
        said("vault"),
        format!("{leaves}vault`, which has none: credentials not found in the vault")
    );
    assert_eq!(
        said("none"),
        format!("{leaves}none`, which failed with exit code 127")
    );
    assert!(said("../none").ends_with("which is no name of a program that keeps logins"));
    let docker = r#"{"credHelpers": {"other.example": "none"}}"#;
    let podman = format!(r#"{{"auths": {{"other.example": {{"auth": "{USER}"}}}}}}"#);
    let login = login(Kind::Docker, docker, &podman, "other.example/app");
    assert_eq!(who(&login), Some(("user", "secret")));
}

#[test]
fn a_file_that_is_wrong_is_named_and_not_quoted() {
    let login = login(
        Kind::Docker,
        r#"{"auths": {"r.example": "hunter2"}}"#,
        "{}",
        "r.example/app",
    );
    let said = login.to_string();
    assert!(said.contains("is no JSON of logins (line 1"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_token_stands_for_a_password() {
    let file =
        format!(r#"{{"auths": {{"r.example": {{"auth": "{USER}", "identitytoken": "long"}}}}}}"#);
    let login = login(Kind::Docker, &file, "{}", "r.example/app");
    let credentials = login.credentials.unwrap();
    assert_eq!(credentials.identitytoken.as_deref(), Some("long"));
    assert_eq!(credentials.password, None);
}
