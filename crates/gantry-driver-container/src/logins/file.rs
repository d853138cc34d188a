//! One file with logins: both families of clients write the same form.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::auth::DockerCredentials;
use camino::Utf8Path;
use serde::Deserialize;

use super::{USUAL_KEYS, USUAL_SERVER};

/// What is read of it. It prints nothing of what is inside.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct File {
    auths: BTreeMap<String, Auth>,
    creds_store: Option<String>,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    #[serde(rename = "auth")]
    pair: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

/// What a file says of a registry.
#[derive(Debug, PartialEq)]
pub(super) enum Entry {
    /// This login.
    Known(DockerCredentials),
    /// A program knows it.
    Helper(Helper),
}

/// A program that keeps logins, and what it knows one as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Helper {
    pub(super) name: String,
    pub(super) server: String,
}

impl File {
    /// Reads it; nothing if there is none. What is wrong completes a sentence that begins with its path.
    pub(super) fn read(path: &Utf8Path) -> Result<Option<Self>, String> {
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("cannot be read: {error}")),
        };
        // The parser's own words may quote what is there.
        serde_json::from_slice(&text).map(Some).map_err(|error| {
            format!(
                "is no JSON of logins (line {}, column {})",
                error.line(),
                error.column()
            )
        })
    }

    /// What it says under the first of these keys that it knows.
    pub(super) fn find(&self, keys: &[String]) -> Option<Entry> {
        for key in keys {
            if let Some(helper) = self.cred_helpers.get(key) {
                return Some(Entry::Helper(of_its_own(key, helper)));
            }
            let found = self.auths.iter().find(|(name, _)| registry(name) == key);
            let Some((name, auth)) = found else {
                continue;
            };
            return match (auth.credentials(name), &self.creds_store) {
                (Some(credentials), _) => Some(Entry::Known(credentials)),
                // Who leaves passwords to a program writes down the registry alone.
                (None, Some(store)) => Some(Entry::Helper(Helper {
                    name: store.clone(),
                    server: name.clone(),
                })),
                (None, None) => None,
            };
        }
        None
    }

    /// All logins that it has itself.
    pub(super) fn known(&self) -> impl Iterator<Item = (String, DockerCredentials)> + '_ {
        let all = self.auths.iter();
        all.filter_map(|(name, auth)| Some((name.clone(), auth.credentials(name)?)))
    }

    /// All programs that know others, by what a registry is called here.
    pub(super) fn helpers(&self) -> impl Iterator<Item = (String, Helper)> + '_ {
        let own = self.cred_helpers.iter();
        let own = own.map(|(key, helper)| (key.clone(), of_its_own(key, helper)));
        let stored = self.creds_store.iter().flat_map(|store| {
            let left = self.auths.iter();
            let left = left.filter(|(name, auth)| auth.credentials(name).is_none());
            left.map(|(name, _)| {
                let helper = Helper {
                    name: store.clone(),
                    server: name.clone(),
                };
                (name.clone(), helper)
            })
        });
        own.chain(stored)
    }
}

/// The helper of one registry. That of images whose names have none is known by an address.
fn of_its_own(key: &str, helper: &str) -> Helper {
    let server = if USUAL_KEYS.contains(&key) {
        USUAL_SERVER
    } else {
        key
    };
    Helper {
        name: helper.to_owned(),
        server: server.to_owned(),
    }
}

impl Auth {
    fn credentials(&self, server: &str) -> Option<DockerCredentials> {
        let pair = self.pair.as_deref().and_then(pair);
        let (name, password) = match (pair, &self.username, &self.password) {
            (Some((name, password)), ..) => (Some(name), Some(password)),
            (None, name, password) => (name.clone(), password.clone()),
        };
        let token = self.identitytoken.clone().filter(|it| !it.is_empty());
        if token.is_none() && (name.is_none() || password.is_none()) {
            return None;
        }
        Some(DockerCredentials {
            username: name,
            password: password.filter(|_| token.is_none()),
            identitytoken: token,
            serveraddress: Some(server.to_owned()),
            ..DockerCredentials::default()
        })
    }
}

/// Name and password of `auth`.
fn pair(auth: &str) -> Option<(String, String)> {
    let bytes = STANDARD.decode(auth.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (name, password) = text.split_once(':')?;
    // Some clients end it with a zero.
    let password = password.trim_end_matches('\0');
    (!name.is_empty()).then(|| (name.to_owned(), password.to_owned()))
}

/// The registry that a key is about: some are written as addresses.
fn registry(key: &str) -> &str {
    let bare = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"));
    match bare {
        Some(bare) => bare.split('/').next().unwrap_or(bare),
        None => key.trim_end_matches('/'),
    }
}
