//! From what the cluster keeps of containers' output into our own log store.
//!
//! Every line has the cluster's own time. Whoever begins to follow asks for everything from the second of the store's
//! last line on, and leaves out what is there.

use std::sync::Arc;
use std::time::Duration;

use futures::{AsyncBufReadExt as _, AsyncReadExt as _};
use gantry_core::InstanceId;
use gantry_driver::LogPolicy;
use gantry_driver::stored::Already;
use gantry_log::{LogFolder, LogWriter, Policy, Query, Stream};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, LogParams};
use serde_json::Value;

use crate::context::Context;
use crate::link::uid;
use crate::object::{Key, text};

/// How long until a stream that broke is opened again.
const PAUSE: Duration = Duration::from_millis(250);

/// The same of one that was refused.
const REFUSED: Duration = Duration::from_secs(2);

/// How many lines are told with a failure, and how many bytes of them at most.
const WORDS: i64 = 20;
const WORDS_BYTES: u64 = 16 * 1024;

/// One run of a container whose output is there.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    /// What tells it from all others.
    pub(crate) id: String,
    /// The part of the service that it belongs to.
    pub(crate) part: String,
    namespace: String,
    pod: String,
    container: String,
    made: Option<Timestamp>,
}

/// The runs of containers of a pod that have begun.
pub(crate) fn outputs(pod: &Value) -> Vec<Output> {
    let key = Key::of(pod);
    let count = pod["spec"]["containers"].as_array().map_or(0, Vec::len)
        + pod["spec"]["initContainers"].as_array().map_or(0, Vec::len);
    let statuses = ["initContainerStatuses", "containerStatuses"];
    let statuses = statuses
        .iter()
        .filter_map(|name| pod["status"][*name].as_array());
    let mut found = Vec::new();
    for status in statuses.flatten() {
        let state = &status["state"];
        if !state["running"].is_object() && !state["terminated"].is_object() {
            continue;
        }
        let container = status["name"].as_str().unwrap_or_default();
        let part = if count > 1 {
            format!("{}.{container}", key.name)
        } else {
            key.name.clone()
        };
        let made = text(pod, &["metadata", "creationTimestamp"]);
        found.push(Output {
            id: format!("{} {container} {}", uid(pod), status["restartCount"]),
            part,
            namespace: key.namespace.clone().unwrap_or_default(),
            pod: key.name.clone(),
            container: container.to_owned(),
            made: made.and_then(|time| time.parse().ok()),
        });
    }
    found
}

/// Follows the output of one run of a container until its end.
pub(crate) async fn follow(
    context: Arc<Context>,
    output: Output,
    folder: LogFolder,
    policy: LogPolicy,
) {
    let policy = Policy {
        max_size: policy.max_size,
        max_age: policy.max_age,
        keep: policy.keep,
        max_total: policy.max_total,
    };
    let mut writer = LogWriter::new(folder.clone(), policy);
    let mut scratch = Vec::new();
    let mut last = None;
    let api: Api<Pod> = Api::namespaced(context.cluster.client.clone(), &output.namespace);
    loop {
        let mut done = Already::of(&folder, output.made);
        let parameters = LogParams {
            container: Some(output.container.clone()),
            follow: true,
            timestamps: true,
            since_time: done.until,
            ..LogParams::default()
        };
        let ended = match api.log_stream(&output.pod, &parameters).await {
            Ok(stream) => {
                let mut stream = std::pin::pin!(stream);
                let mut line = Vec::new();
                loop {
                    line.clear();
                    match stream.read_until(b'\n', &mut line).await {
                        Ok(0) => break true,
                        Ok(_) => {
                            let Some((at, mut text)) = timed(&line) else {
                                continue;
                            };
                            if done.has(at, Stream::Out) {
                                continue;
                            }
                            last = Some(at);
                            while let Err(error) =
                                writer.append(Stream::Out, at, text, &mut scratch)
                            {
                                text = &text[error.done..];
                                tokio::time::sleep(PAUSE).await;
                            }
                        }
                        Err(_) => break false,
                    }
                }
            }
            // Who asks may do so later.
            Err(kube::Error::Api(status)) if matches!(status.code, 401 | 403 | 429) => {
                tokio::time::sleep(REFUSED).await;
                false
            }
            // The pod is gone, or its container has not begun.
            Err(kube::Error::Api(status)) if status.code < 500 => true,
            Err(_) => false,
        };
        if ended {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    if let Err(error) = writer.end(Stream::Out, last.unwrap_or_else(Timestamp::now)) {
        tracing::warn!(%error, "the last line cannot be ended");
    }
}

/// The last lines of a container, or of its run before the present one.
pub(crate) async fn last_words(
    context: &Context,
    pod: &Key,
    container: &str,
    before: bool,
) -> Vec<String> {
    let namespace = pod.namespace.as_deref().unwrap_or_default();
    let api: Api<Pod> = Api::namespaced(context.cluster.client.clone(), namespace);
    let ask = async |previous: bool| {
        let parameters = LogParams {
            container: Some(container.to_owned()),
            previous,
            tail_lines: Some(WORDS),
            ..LogParams::default()
        };
        let stream = api.log_stream(&pod.name, &parameters).await.ok()?;
        let mut text = Vec::new();
        let stream = std::pin::pin!(stream);
        let mut some = stream.take(WORDS_BYTES);
        some.read_to_end(&mut text).await.ok()?;
        let text = String::from_utf8_lossy(&text);
        // The node says this in place of an output that it has no longer.
        let lines = text
            .lines()
            .filter(|line| !line.starts_with("unable to retrieve container logs"));
        let lines: Vec<String> = lines.map(str::to_owned).collect();
        (!lines.is_empty()).then_some(lines)
    };
    let first = ask(before).await;
    match first {
        Some(lines) => lines,
        None => ask(!before).await.unwrap_or_default(),
    }
}

/// The same of a container whose pod is gone, as far as its output was copied.
pub(crate) fn noted_words(
    context: &Context,
    instance: &InstanceId,
    pod: &Key,
    container: &str,
) -> Vec<String> {
    let parts = [format!("{}.{container}", pod.name), pod.name.clone()];
    for part in parts {
        let folder = context.log_folder(instance, &part);
        let lines = folder.read(&Query::tail(usize::try_from(WORDS).unwrap_or(0)));
        let lines = lines.unwrap_or_default();
        if !lines.is_empty() {
            return lines.iter().map(|line| line.text().into_owned()).collect();
        }
    }
    Vec::new()
}

/// The time before a line, to the microsecond that the store keeps, and the rest. A line without one is no output: the
/// kubelet puts what goes wrong between into the stream.
fn timed(line: &[u8]) -> Option<(Timestamp, &[u8])> {
    let end = line.iter().position(|byte| *byte == b' ')?;
    let time: Timestamp = std::str::from_utf8(&line[..end]).ok()?.parse().ok()?;
    let time = Timestamp::from_microsecond(time.as_microsecond()).ok()?;
    Some((time, &line[end + 1..]))
}
