//! The supervisor's socket: HTTP over a Unix socket that only this user may open.

use std::convert::Infallible;
use std::fmt::Write as _;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures::{Stream, StreamExt as _, stream};
use gantry_api::{
    AttachQuery, DialQuery, ErrorBody, ErrorCode, EventsQuery, ExecCommand, ExecQuery, Health,
    StatusQuery,
};
use gantry_driver::ChildName;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{mpsc, oneshot};

use crate::attach::Purpose;
use crate::event_log::EventLine;
use crate::inbox::{Incoming, Request};
use crate::{evidence, notes, usage};

/// The largest model that is taken: 10,000 services are about 10 MB.
const BODY_LIMIT: usize = 256 << 20;

/// What every request is answered with.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) dispatcher: UnboundedSender<Incoming>,
    pub(crate) health: Health,
}

pub(crate) fn router(door: Door) -> Router {
    Router::new()
        .route("/v1/health", get(health))
        .route("/v1/status", get(status))
        .route("/v1/usage", get(usage_alone))
        .route("/v1/evidence", get(evidence))
        .route("/v1/notes", get(notes))
        .route("/v1/explain/{service}", get(explain))
        .route("/v1/history/{service}", get(history))
        .route("/v1/events", get(events))
        .route("/v1/attach/{service}", get(attach))
        .route("/v1/exec/{service}", get(exec))
        .route("/v1/dial/{service}", get(dial))
        .route("/v1/plan", post(plan))
        .route("/v1/reload", post(reload))
        .route("/v1/operations", post(operations))
        .fallback(nowhere)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(door)
}

/// What is answered when something is wrong.
struct Wrong(ErrorBody);

impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.code.status());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, json(&self.0)).into_response()
    }
}

impl Wrong {
    fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self(ErrorBody {
            code,
            message: message.into(),
            hint: None,
        })
    }

    fn leaving() -> Self {
        Self::new(ErrorCode::Leaving, "the supervisor is going down")
    }
}

impl Door {
    /// Ask the dispatcher.
    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<T, Wrong> {
        let (reply, answer) = oneshot::channel();
        let sent = self.dispatcher.send(Incoming::Request(request(reply)));
        sent.map_err(|_| Wrong::leaving())?;
        answer.await.map_err(|_| Wrong::leaving())
    }
}

async fn health(State(door): State<Door>) -> Response {
    json(&door.health)
}

async fn status(
    State(door): State<Door>,
    Query(query): Query<StatusQuery>,
) -> Result<Response, Wrong> {
    let bytes = if query.usage {
        let usage = usage::read(door.ask(Request::Sessions).await?).await;
        door.ask(|reply| Request::StatusWith(usage, reply)).await?
    } else {
        let brief = query.brief;
        door.ask(|reply| Request::Status { brief, reply }).await?
    };
    Ok(([(header::CONTENT_TYPE, "application/json")], bytes).into_response())
}

async fn usage_alone(State(door): State<Door>) -> Result<Response, Wrong> {
    let usage = usage::read(door.ask(Request::Sessions).await?).await;
    Ok(json(&usage::report(usage)))
}

async fn evidence(State(door): State<Door>) -> Result<Response, Wrong> {
    let sessions = door.ask(Request::Sessions).await?;
    Ok(json(&evidence::read(sessions).await))
}

async fn notes(State(door): State<Door>) -> Result<Response, Wrong> {
    let sessions = door.ask(Request::Sessions).await?;
    Ok(json(&notes::read(sessions).await))
}

async fn explain(State(door): State<Door>, Path(service): Path<String>) -> Result<Response, Wrong> {
    let draft = door
        .ask(|reply| Request::Explain { service, reply })
        .await?;
    let explanation = draft.map_err(Wrong)?.finish().await;
    Ok(json(&explanation))
}

async fn history(State(door): State<Door>, Path(service): Path<String>) -> Result<Response, Wrong> {
    let historian = door
        .ask(|reply| Request::History { service, reply })
        .await?;
    let report = historian.map_err(Wrong)?.tell().await.map_err(Wrong)?;
    Ok(json(&report))
}

async fn events(
    State(door): State<Door>,
    Query(query): Query<EventsQuery>,
) -> Result<Response, Wrong> {
    let follow = query.follow;
    let (kept, receiver) = door.ask(|reply| Request::Events { query, reply }).await?;
    let last = kept.last().map_or(0, |event| event.sequence);
    let kept = stream::iter(kept);
    if !follow {
        return Ok(body_of(kept.map(bytes_of)));
    }
    let following = stream::unfold((receiver, last), |(mut receiver, last)| async move {
        loop {
            match receiver.recv().await {
                // What was kept already is not told twice.
                Ok(event) if event.sequence <= last => {}
                Ok(event) => {
                    let last = event.sequence;
                    return Some((event, (receiver, last)));
                }
                // A client that reads too slowly is cut off, and can ask for what it missed.
                Err(RecvError::Lagged(_) | RecvError::Closed) => return None,
            }
        }
    });
    Ok(body_of(kept.chain(following).map(bytes_of)))
}

fn bytes_of(line: EventLine) -> Bytes {
    Bytes::from_owner(line.text)
}

async fn attach(
    State(door): State<Door>,
    Path(service): Path<String>,
    Query(query): Query<AttachQuery>,
    request: axum::extract::Request,
) -> Result<Response, Wrong> {
    let instance = query.instance;
    join(&door, service, instance, Purpose::Attach(query), request).await
}

async fn exec(
    State(door): State<Door>,
    Path(service): Path<String>,
    Query(query): Query<ExecQuery>,
    request: axum::extract::Request,
) -> Result<Response, Wrong> {
    let command: ExecCommand = parsed(query.command.as_bytes())?;
    if command.words.is_empty() {
        return Err(Wrong::new(ErrorCode::Invalid, "there is no command to run"));
    }
    let terminal = crate::attach::terminal(query.rows, query.columns);
    let purpose = Purpose::Exec(command, terminal);
    join(&door, service, query.instance, purpose, request).await
}

async fn dial(
    State(door): State<Door>,
    Path(service): Path<String>,
    Query(query): Query<DialQuery>,
    request: axum::extract::Request,
) -> Result<Response, Wrong> {
    let part = query.part.map(ChildName::new);
    let purpose = Purpose::Dial(part, query.port);
    join(&door, service, None, purpose, request).await
}

async fn join(
    door: &Door,
    service: String,
    instance: Option<u32>,
    purpose: Purpose,
    mut request: axum::extract::Request,
) -> Result<Response, Wrong> {
    crate::attach::check(request.headers()).map_err(Wrong)?;
    let ask = |reply| Request::Attach {
        service,
        instance,
        purpose,
        reply,
    };
    let seat = door.ask(ask).await?.map_err(Wrong)?;
    let upgrade = hyper::upgrade::on(&mut request);
    seat.take(upgrade).await.map_err(Wrong)
}

async fn plan(State(door): State<Door>, body: Bytes) -> Result<Response, Wrong> {
    let request = parsed(&body)?;
    let plan = door.ask(|reply| Request::Plan { request, reply }).await?;
    Ok(json(&plan.map_err(Wrong)?))
}

async fn reload(State(door): State<Door>, body: Bytes) -> Result<Response, Wrong> {
    let request = parsed(&body)?;
    let report = door.ask(|reply| Request::Reload { request, reply }).await?;
    Ok(json(&report.map_err(Wrong)?))
}

async fn operations(State(door): State<Door>, body: Bytes) -> Result<Response, Wrong> {
    let request = parsed(&body)?;
    let progress = door
        .ask(|reply| Request::Operate { request, reply })
        .await?;
    Ok(lines(received(progress.map_err(Wrong)?)))
}

async fn nowhere() -> Wrong {
    Wrong::new(ErrorCode::NotFound, "there is nothing at this path")
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Wrong> {
    serde_json::from_slice(body).map_err(|error| {
        let mut message = "the request cannot be read".to_owned();
        // Writing to a text does not fail.
        let _ = write!(message, ": {error}");
        Wrong::new(ErrorCode::Invalid, message)
    })
}

fn json(value: &impl Serialize) -> Response {
    let text = serde_json::to_vec(value).expect("what goes over the wire is JSON");
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

fn received<T: Send + 'static>(
    receiver: mpsc::UnboundedReceiver<T>,
) -> impl Stream<Item = T> + Send + 'static {
    stream::unfold(receiver, |mut receiver| async move {
        Some((receiver.recv().await?, receiver))
    })
}

/// One JSON object a line.
fn lines<T: Serialize + Send>(records: impl Stream<Item = T> + Send + 'static) -> Response {
    let lines = records.map(|record| {
        let mut line = serde_json::to_vec(&record).expect("what goes over the wire is JSON");
        line.push(b'\n');
        Bytes::from(line)
    });
    body_of(lines)
}

/// Lines of JSON that are written already.
fn body_of(lines: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    let body = Body::from_stream(lines.map(Ok::<_, Infallible>));
    ([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response()
}
