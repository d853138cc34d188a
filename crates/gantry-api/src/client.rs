//! The client of a supervisor: HTTP over its Unix socket, one connection a request.

mod attach;
mod connection;
mod error;
mod lines;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use serde::de::DeserializeOwned;

pub use attach::{AttachReader, AttachWriter};
pub use error::ClientError;
pub use lines::Lines;

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;

use crate::attach::{AttachQuery, DialQuery, ExecQuery};
use crate::event::{Event, EventsQuery};
use crate::evidence::EvidenceReport;
use crate::explain::Explanation;
use crate::history::HistoryReport;
use crate::home::StackDir;
use crate::notes::NotesReport;
use crate::operation::OperationRequest;
use crate::plan::{Plan, PlanRequest};
use crate::progress::Progress;
use crate::reload::{ReloadReport, ReloadRequest};
use crate::status::{Health, Status};
use crate::usage::UsageReport;

/// A connection to a port of a service.
pub type Dialled = TokioIo<Upgraded>;

/// A client of one stack's supervisor. It holds no connection: making one is cheap.
#[derive(Debug, Clone)]
pub struct Client {
    dir: StackDir,
    patience: Duration,
}

/// How long a supervisor may take to come back while its guard lives.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often a request is made again when supervisors die over it.
pub const TRIES: usize = 5;

/// How long a supervisor that died may still seem to listen.
pub const DYING: Duration = Duration::from_millis(10);

impl Client {
    /// A client of the stack in `dir`. Connects to nothing yet.
    pub fn new(dir: StackDir) -> Self {
        Self {
            dir,
            patience: PATIENCE,
        }
    }

    /// The same client, but it waits so long for a supervisor that its guard is starting again.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The folder of the stack.
    pub fn dir(&self) -> &StackDir {
        &self.dir
    }

    /// Whether a supervisor answers.
    pub async fn health(&self) -> Result<Health, ClientError> {
        self.get("/v1/health").await
    }

    /// The state of the stack.
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.get("/v1/status").await
    }

    /// The same as the bytes that the supervisor sent.
    pub async fn status_bytes(&self) -> Result<Bytes, ClientError> {
        self.get_bytes("/v1/status").await
    }

    /// The same without what a list of services does not show.
    pub async fn status_bytes_brief(&self) -> Result<Bytes, ClientError> {
        self.get_bytes("/v1/status?brief=true").await
    }

    /// The same with what the services have used, which takes longer to find out.
    pub async fn status_bytes_with_usage(&self) -> Result<Bytes, ClientError> {
        self.get_bytes("/v1/status?usage=true").await
    }

    /// What all instances that run have used, in one request.
    pub async fn usage(&self) -> Result<UsageReport, ClientError> {
        self.get("/v1/usage").await
    }

    /// What services tell their users.
    pub async fn notes(&self) -> Result<NotesReport, ClientError> {
        self.get("/v1/notes").await
    }

    /// What a service has been in its backend.
    pub async fn history(&self, service: &str) -> Result<HistoryReport, ClientError> {
        self.get(&format!("/v1/history/{}", escaped(service))).await
    }

    /// What backends know of services, as files.
    pub async fn evidence(&self) -> Result<EvidenceReport, ClientError> {
        self.get("/v1/evidence").await
    }

    /// Why a service is as it is.
    pub async fn explain(&self, service: &str) -> Result<Explanation, ClientError> {
        self.get(&format!("/v1/explain/{}", escaped(service))).await
    }

    /// What happened, and with `follow` what happens.
    pub async fn events(&self, query: &EventsQuery) -> Result<Lines<Event>, ClientError> {
        let mut path = format!("/v1/events?follow={}", query.follow);
        if let Some(since) = query.since {
            _ = write!(path, "&since={since}");
        }
        if let Some(tail) = query.tail {
            _ = write!(path, "&tail={tail}");
        }
        let response =
            connection::request(&self.dir, Method::GET, &path, Bytes::new(), self.patience);
        Ok(Lines::new(response.await?))
    }

    /// Join an instance's own input and output. The first frame says which instance it is.
    pub async fn attach(
        &self,
        service: &str,
        query: &AttachQuery,
    ) -> Result<(AttachReader, AttachWriter), ClientError> {
        let path = format!("/v1/attach/{}?recent={}", escaped(service), query.recent);
        self.joined(path, query.instance, query.rows.zip(query.columns))
            .await
    }

    /// Run a command in an instance, and join that. The first frame says which instance it is.
    pub async fn exec(
        &self,
        service: &str,
        query: &ExecQuery,
    ) -> Result<(AttachReader, AttachWriter), ClientError> {
        let (service, command) = (escaped(service), escaped(&query.command));
        let path = format!("/v1/exec/{service}?command={command}");
        self.joined(path, query.instance, query.rows.zip(query.columns))
            .await
    }

    /// Connect to a port of a service, or of one of its parts.
    pub async fn dial(&self, service: &str, query: &DialQuery) -> Result<Dialled, ClientError> {
        let (service, port) = (escaped(service), escaped(&query.port));
        let mut path = format!("/v1/dial/{service}?port={port}");
        if let Some(part) = &query.part {
            _ = write!(path, "&part={}", escaped(part));
        }
        let upgraded = connection::upgrade(&self.dir, &path, self.patience).await?;
        Ok(TokioIo::new(upgraded))
    }

    async fn joined(
        &self,
        mut path: String,
        instance: Option<u32>,
        size: Option<(u16, u16)>,
    ) -> Result<(AttachReader, AttachWriter), ClientError> {
        if let Some(instance) = instance {
            _ = write!(path, "&instance={instance}");
        }
        if let Some((rows, columns)) = size {
            _ = write!(path, "&rows={rows}&columns={columns}");
        }
        let upgraded = connection::upgrade(&self.dir, &path, self.patience).await?;
        Ok(attach::split(upgraded))
    }

    /// What an `up` with this model would do.
    pub async fn plan(&self, request: &PlanRequest) -> Result<Plan, ClientError> {
        let body = encoded(request)?;
        let response =
            connection::request(&self.dir, Method::POST, "/v1/plan", body, self.patience);
        decoded(&connection::whole(response.await?).await?)
    }

    /// Tell services to read their configuration again.
    pub async fn reload(&self, request: &ReloadRequest) -> Result<ReloadReport, ClientError> {
        let body = encoded(request)?;
        let response =
            connection::request(&self.dir, Method::POST, "/v1/reload", body, self.patience);
        decoded(&connection::whole(response.await?).await?)
    }

    /// Begin an operation. The stream ends with [`Progress::Ended`].
    pub async fn operate(
        &self,
        request: &OperationRequest,
    ) -> Result<Lines<Progress>, ClientError> {
        let body = encoded(request)?;
        let response = connection::request(
            &self.dir,
            Method::POST,
            "/v1/operations",
            body,
            self.patience,
        );
        Ok(Lines::new(response.await?))
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        decoded(&self.get_bytes(path).await?)
    }

    /// A reading request is asked again when a supervisor died over it.
    async fn get_bytes(&self, path: &str) -> Result<Bytes, ClientError> {
        let ask = || async {
            let response =
                connection::request(&self.dir, Method::GET, path, Bytes::new(), self.patience);
            connection::whole(response.await?).await
        };
        let mut tries = 0;
        loop {
            match ask().await {
                Err(ClientError::BrokenOff { .. }) if tries < TRIES => {
                    tries += 1;
                    tokio::time::sleep(DYING).await;
                }
                other => return other,
            }
        }
    }
}

fn encoded(request: &impl serde::Serialize) -> Result<Bytes, ClientError> {
    serde_json::to_vec(request)
        .map(Bytes::from)
        .map_err(ClientError::Unreadable)
}

fn decoded<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(bytes).map_err(ClientError::Unreadable)
}

/// A name as one part of a path.
fn escaped(name: &str) -> String {
    let mut path = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            _ = write!(path, "%{byte:02X}");
        }
    }
    path
}
