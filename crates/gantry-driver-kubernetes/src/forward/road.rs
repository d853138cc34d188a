//! How the cluster is reached for connections into its pods: each by a connection of its own.
//!
//! A connection that was used before and lies in wait for the next request may be dead without anyone having been told,
//! and whoever takes it waits in vain. So none is kept here, and nothing that was broken before has a part in what comes
//! after.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use kube::{Client, Config};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::access::connect::{self, After};
use crate::cluster::trouble;

/// How long the cluster may take to answer a small question.
const ANSWER: Duration = Duration::from_secs(2);

/// For how long an answer counts for others who ask.
const FRESH: Duration = Duration::from_secs(1);

pub(crate) struct Road {
    pub(crate) client: Client,
    /// Whether what lies on it takes ways into pods as channels only.
    pub(super) only_channels: AtomicBool,
    answer: Mutex<Option<(Instant, Result<(), String>)>>,
}

impl Road {
    pub(crate) fn new(config: &Config) -> kube::Result<Self> {
        Ok(Self {
            client: connect::client(config, After::Closed)?,
            only_channels: AtomicBool::new(false),
            answer: Mutex::default(),
        })
    }

    /// Whether the cluster can be reached. All who ask at about the same time get one answer.
    pub(crate) async fn is_open(&self) -> Result<(), String> {
        let mut last = self.answer.lock().await;
        if let Some((at, answer)) = &*last
            && at.elapsed() < FRESH
        {
            return answer.clone();
        }
        let answer = match timeout(ANSWER, self.client.apiserver_version()).await {
            // To refuse is to answer.
            Ok(Ok(_) | Err(kube::Error::Api(_))) => Ok(()),
            Ok(Err(error)) => Err(trouble("forward", &error).reason),
            Err(_) => Err("the cluster does not answer".to_owned()),
        };
        *last = Some((Instant::now(), answer.clone()));
        answer
    }
}
