//! Secrets, in memory only.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use camino::Utf8Path;
use gantry_api::GivenVariables;
use gantry_driver::{HostJobs, JobPlace, JobRequest, SpecKey};
use gantry_stack::template::Secret;
use serde_json::{Value, json};

/// How long a command that prints a secret may take.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// The longest secret that a command may print.
const LIMIT: u64 = 64 * 1024;

/// What a command printed, or why it did not.
pub(crate) struct Fetched {
    secret: Secret,
    result: Result<String, String>,
}

#[cfg(test)]
impl Fetched {
    pub(super) fn known(secret: Secret, text: &str) -> Self {
        Self {
            secret,
            result: Ok(text.to_owned()),
        }
    }
}

/// Variables: what the `up` at hand was given goes before what the supervisor began with.
pub(crate) type Environment<'a> = (&'a GivenVariables, &'a BTreeMap<String, String>);

/// What is known of secrets: what commands printed, and what the last `up` has in its environment.
#[derive(Default)]
pub(crate) struct Secrets {
    given: GivenVariables,
    known: HashMap<String, Result<String, String>>,
    under_way: HashSet<String>,
}

impl Secrets {
    /// From now on variables are those of this `up`.
    pub(crate) fn give(&mut self, given: GivenVariables) {
        self.given = given;
    }

    /// The secret, or why it cannot be had; none if a command must be run for it.
    pub(crate) fn get(
        &self,
        secret: &Secret,
        environment: &BTreeMap<String, String>,
    ) -> Option<Result<String, String>> {
        self.look(secret, (&self.given, environment))
    }

    fn look(
        &self,
        secret: &Secret,
        (given, environment): Environment<'_>,
    ) -> Option<Result<String, String>> {
        match secret {
            Secret::Env(name) => {
                let value = match given.0.get(name) {
                    Some(given) => given.clone(),
                    None => environment.get(name).cloned(),
                };
                Some(value.ok_or_else(|| "it is not set".to_owned()))
            }
            Secret::File(path) => Some(read(path)),
            Secret::Command(_) => self.known.get(&secret.to_string()).cloned(),
        }
    }

    /// Those of these for which a command must be run that does not run yet.
    pub(crate) fn take_unfetched(&mut self, secrets: Vec<Secret>) -> Vec<Secret> {
        let new = |secret: &Secret| self.under_way.insert(secret.to_string());
        secrets.into_iter().filter(new).collect()
    }

    pub(crate) fn put(&mut self, fetched: Vec<Fetched>) {
        for Fetched { secret, result } in fetched {
            let name = secret.to_string();
            self.under_way.remove(&name);
            self.known.insert(name, result);
        }
    }

    /// Forget all: what comes next asks anew.
    pub(crate) fn clear(&mut self) {
        self.known.clear();
    }

    /// The value with the secrets in it that can be had at once replaced by their keyed hashes, so
    /// that a secret that changed is noticed.
    pub(crate) fn seal(
        &self,
        value: &Value,
        key: &SpecKey,
        environment: &Environment<'_>,
    ) -> Value {
        match value {
            Value::Object(map) => {
                let secret = map.get("$secret").filter(|_| map.len() == 1);
                let secret =
                    secret.and_then(|it| serde_json::from_value::<Secret>(it.clone()).ok());
                // What a command prints is not known before it ran, and must not differ after.
                let secret = secret.filter(|it| !matches!(it, Secret::Command(_)));
                if let Some(Ok(text)) = secret.and_then(|it| self.look(&it, *environment)) {
                    return json!({ "$sealed": key.digest(&Value::from(text)) });
                }
                let fields = map.iter();
                let fields =
                    fields.map(|(name, value)| (name.clone(), self.seal(value, key, environment)));
                Value::Object(fields.collect())
            }
            Value::Array(items) => {
                let items = items.iter().map(|item| self.seal(item, key, environment));
                Value::Array(items.collect())
            }
            scalar => scalar.clone(),
        }
    }
}

/// Nothing secret is ever printed.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.known.len())
    }
}

/// Run the commands of these secrets in the stack's folder: the session that runs them began before the stack
/// was known.
pub(crate) async fn fetch(
    secrets: Vec<Secret>,
    folder: &Utf8Path,
    host: &dyn HostJobs,
) -> Vec<Fetched> {
    let one = |secret: Secret| async {
        let result = match &secret {
            Secret::Command(command) => print(command, folder, host).await,
            // Those are never missing.
            Secret::Env(_) | Secret::File(_) => Err("it is not set".to_owned()),
        };
        Fetched { secret, result }
    };
    futures::future::join_all(secrets.into_iter().map(one)).await
}

async fn print(
    command: &[String],
    folder: &Utf8Path,
    host: &dyn HostJobs,
) -> Result<String, String> {
    let hash = blake3::hash(command.join("\0").as_bytes());
    let job = JobRequest {
        name: format!("secret-{}", &hash.to_hex()[..12]).into(),
        command: command.to_vec(),
        env: Vec::new(),
        folder: Some(folder.to_owned()),
        time_limit: TIME_LIMIT,
        capture: LIMIT,
        once: false,
        log_as: None,
        input: None,
        grace: Duration::ZERO,
        place: JobPlace::Host,
    };
    let outcome = host.run(job).await.map_err(|error| error.to_string())?;
    if outcome.timed_out {
        return Err(format!(
            "the command did not end in {} s",
            TIME_LIMIT.as_secs()
        ));
    }
    if !outcome.exit.success() {
        // What it printed as its result may be part of the secret; its errors are for people.
        let said = outcome.stderr.lines().last().unwrap_or_default();
        let said = if said.is_empty() {
            String::new()
        } else {
            format!(": {said}")
        };
        return Err(format!("the command ended with {}{said}", outcome.exit));
    }
    if outcome.incomplete {
        return Err(format!("the command printed more than {LIMIT} bytes"));
    }
    Ok(without_newline(outcome.stdout))
}

fn read(path: &str) -> Result<String, String> {
    std::fs::read_to_string(path)
        .map(without_newline)
        .map_err(|error| error.to_string())
}

fn without_newline(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}
