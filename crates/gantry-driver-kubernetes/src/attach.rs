//! Joining the first process of a pod's container, at its terminal or its input.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gantry_core::{ExitStatus, InstanceId};
use gantry_driver::{
    Attach, AttachRequest, BoxFuture, ChildName, DriverError, Duplex, ExecProcess, TerminalSize,
};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, AttachParams, AttachedProcess, LogParams, TerminalSize as Size};
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::sync::oneshot;

use crate::cluster::trouble;
use crate::link::Input;
use crate::object::{Key, list, text};
use crate::session::ClusterSession;

/// How many lines whoever joins is shown of what was printed before.
const RECENT: i64 = 20;

/// How long it may take until the cluster knows how a container ended, and how often it is looked.
const END: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(200);

/// What of a pod can be joined.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seat {
    container: String,
    stdin: bool,
    tty: bool,
}

/// The container of a pod that is meant: the first with a terminal, else the first with an input.
fn seat(pod: &Value) -> Result<Seat, String> {
    let containers = list(&pod["spec"], "containers").map(|one| Seat {
        container: one["name"].as_str().unwrap_or_default().to_owned(),
        stdin: one["stdin"] == true,
        tty: one["tty"] == true,
    });
    let containers: Vec<Seat> = containers.collect();
    let find = |test: fn(&Seat) -> bool| containers.iter().find(|one| test(one)).cloned();
    find(|one| one.stdin && one.tty)
        .or_else(|| find(|one| one.tty || one.stdin))
        .ok_or_else(|| {
            let names: Vec<&str> = containers.iter().map(|one| one.container.as_str()).collect();
            format!(
                "no container of its pod has an input or a terminal ({}): `stdin: true` and `tty: true` in its manifest \
                 give it both; what it prints is shown by `gantry logs -f`, and `gantry exec` runs a command beside it",
                names.join(", ")
            )
        })
}

impl Attach for ClusterSession {
    fn attach(&self, request: AttachRequest) -> BoxFuture<'_, Result<ExecProcess, DriverError>> {
        Box::pin(self.join(request))
    }
}

impl ClusterSession {
    async fn join(&self, request: AttachRequest) -> Result<ExecProcess, DriverError> {
        let pod = self
            .running_pod(&request.instance, request.child.as_ref(), "attach")
            .await?;
        let seat = seat(&pod).map_err(|reason| DriverError::permanent("attach", reason))?;
        let key = Key::of(&pod);
        let namespace = key.namespace.as_deref().unwrap_or_default();
        let api: Api<Pod> = Api::namespaced(self.context().cluster.client.clone(), namespace);
        let recent = if request.recent {
            recent(&api, &key.name, &seat.container).await
        } else {
            Vec::new()
        };
        let parameters = AttachParams {
            container: Some(seat.container.clone()),
            stdin: seat.stdin,
            stdout: true,
            stderr: !seat.tty,
            tty: seat.tty,
            ..AttachParams::default()
        };
        let attached = api.attach(&key.name, &parameters).await;
        let mut attached = attached.map_err(|error| trouble("attach", &error))?;
        let missing = || DriverError::permanent("attach", "its streams were not given");
        let stdout = attached.stdout().ok_or_else(missing)?;
        let stdout = std::io::Cursor::new(recent).chain(stdout);
        let stderr = attached.stderr();
        let resize = resizing(&mut attached);
        if let Some(size) = request.terminal {
            resize(size);
        }
        let io: Box<dyn Duplex> = match attached.stdin() {
            Some(stdin) => Box::new(tokio::io::join(stdout, stdin)),
            None => Box::new(tokio::io::join(stdout, tokio::io::sink())),
        };
        let status = attached.take_status();
        let before = run_of(&pod, &seat.container);
        let exit = async move {
            if let Some(status) = status {
                let _ = status.await;
            }
            // As long as it is there, the connection is.
            drop(attached);
            end_of(&api, &key.name, &seat.container, before).await
        };
        Ok(ExecProcess {
            io,
            stderr: stderr.map(|stderr| Box::new(stderr) as Box<_>),
            resize: Box::new(resize),
            exit: Box::pin(exit),
        })
    }

    /// A pod of an instance that runs: that of this name, or any.
    pub(crate) async fn running_pod(
        &self,
        instance: &InstanceId,
        child: Option<&ChildName>,
        stage: &'static str,
    ) -> Result<Arc<Value>, DriverError> {
        let (reply, pods) = oneshot::channel();
        self.order(Input::Pods(instance.clone(), reply));
        let pods = pods.await.unwrap_or_default();
        let runs = |pod: &Value| text(pod, &["status", "phase"]) == Some("Running");
        let mut pods = pods.into_iter().filter(|pod| runs(pod));
        pods.find(|pod| child.is_none_or(|name| Key::of(pod).short() == name.as_str()))
            .ok_or_else(|| DriverError::permanent(stage, "none of its pods runs"))
    }
}

/// What tells a terminal its size.
pub(crate) fn resizing(
    attached: &mut AttachedProcess,
) -> impl Fn(TerminalSize) + Send + Sync + use<> {
    let sizes = attached.terminal_size().map(Mutex::new);
    move |size: TerminalSize| {
        let Some(sizes) = &sizes else { return };
        let size = Size {
            width: size.columns,
            height: size.rows,
        };
        // One that is not taken at once is overtaken by the next.
        if let Ok(mut sizes) = sizes.lock() {
            let _ = sizes.try_send(size);
        }
    }
}

/// What a container printed last.
async fn recent(api: &Api<Pod>, pod: &str, container: &str) -> Vec<u8> {
    let parameters = LogParams {
        container: Some(container.to_owned()),
        tail_lines: Some(RECENT),
        ..LogParams::default()
    };
    api.logs(pod, &parameters)
        .await
        .unwrap_or_default()
        .into_bytes()
}

/// Which run of a container it is.
fn run_of(pod: &Value, container: &str) -> u64 {
    let mut all = list(&pod["status"], "containerStatuses");
    let status = all.find(|one| one["name"] == container);
    status
        .and_then(|one| one["restartCount"].as_u64())
        .unwrap_or(0)
}

/// How that run of a container ended, as soon as the cluster knows it.
fn exit_in(pod: &Value, container: &str, run: u64) -> Option<ExitStatus> {
    let status = list(&pod["status"], "containerStatuses").find(|one| one["name"] == container)?;
    let state = if status["restartCount"].as_u64() > Some(run) {
        // It has begun again meanwhile.
        &status["lastState"]["terminated"]
    } else {
        &status["state"]["terminated"]
    };
    let code = state["exitCode"].as_i64()?;
    i32::try_from(code).ok().map(ExitStatus::Code)
}

async fn end_of(
    api: &Api<Pod>,
    pod: &str,
    container: &str,
    run: u64,
) -> Result<ExitStatus, DriverError> {
    let look = async {
        loop {
            match api.get(pod).await {
                Ok(found) => {
                    let found = serde_json::to_value(found).unwrap_or_default();
                    if let Some(exit) = exit_in(&found, container, run) {
                        return Ok(exit);
                    }
                }
                Err(error) => return Err(trouble("attach", &error)),
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let broken = |_| Err(DriverError::unreachable("attach", "the connection broke"));
    tokio::time::timeout(END, look).await.unwrap_or_else(broken)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whoever_has_a_terminal_is_joined_first() {
        let pod = |containers| json!({ "spec": { "containers": containers } });
        let told = |containers| seat(&pod(containers)).map(|seat| seat.container);
        let silent = json!({ "name": "silent" });
        let reads = json!({ "name": "reads", "stdin": true });
        let shows = json!({ "name": "shows", "stdin": true, "tty": true });
        assert_eq!(told(json!([silent, reads, shows])).as_deref(), Ok("shows"));
        assert_eq!(told(json!([silent, reads])).as_deref(), Ok("reads"));
        let reason = told(json!([silent])).expect_err("an error");
        assert!(
            reason.starts_with("no container of its pod has an input or a terminal (silent)"),
            "{reason}"
        );
    }

    #[test]
    fn an_end_is_that_of_the_run_that_was_joined() {
        let pod = |count: u64, state: Value, last: Value| json!({ "status": { "containerStatuses": [{ "name": "a", "restartCount": count, "state": state, "lastState": last }] } });
        let ended = |code: i32| json!({ "terminated": { "exitCode": code } });
        let runs = json!({ "running": {} });
        assert_eq!(exit_in(&pod(0, runs.clone(), json!({})), "a", 0), None);
        assert_eq!(
            exit_in(&pod(0, ended(3), json!({})), "a", 0),
            Some(ExitStatus::Code(3))
        );
        assert_eq!(
            exit_in(&pod(1, runs, ended(4)), "a", 0),
            Some(ExitStatus::Code(4))
        );
    }
}
