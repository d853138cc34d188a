//! Commands in pods that someone watches.

use gantry_core::ExitStatus;
use gantry_driver::{BoxFuture, DriverError, Exec, ExecProcess, ExecRequest};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::api::{Api, AttachParams};

use crate::attach::resizing;
use crate::cluster::trouble;
use crate::object::{Key, text};
use crate::session::ClusterSession;

impl Exec for ClusterSession {
    fn exec(&self, request: ExecRequest) -> BoxFuture<'_, Result<ExecProcess, DriverError>> {
        Box::pin(self.run(request))
    }
}

impl ClusterSession {
    async fn run(&self, request: ExecRequest) -> Result<ExecProcess, DriverError> {
        let child = request.child.as_ref();
        let pod = self.running_pod(&request.instance, child, "exec").await?;
        let key = Key::of(&pod);
        let container = text(&pod["spec"]["containers"][0], &["name"]);
        let namespace = key.namespace.as_deref().unwrap_or_default();
        let api: Api<Pod> = Api::namespaced(self.context().cluster.client.clone(), namespace);
        let parameters = AttachParams {
            container: container.map(str::to_owned),
            stdin: true,
            stdout: true,
            stderr: request.terminal.is_none(),
            tty: request.terminal.is_some(),
            ..AttachParams::default()
        };
        let mut command = request.command;
        if !request.env.is_empty() {
            // A command in a pod is given no variables but by another command.
            let env = request
                .env
                .iter()
                .map(|(name, value)| format!("{name}={value}"));
            command = [vec!["env".to_owned()], env.collect(), command].concat();
        }
        let attached = api.exec(&key.name, command, &parameters).await;
        let mut attached = attached.map_err(|error| trouble("exec", &error))?;
        let missing = || DriverError::permanent("exec", "its streams were not given");
        let stdout = attached.stdout().ok_or_else(missing)?;
        let stdin = attached.stdin().ok_or_else(missing)?;
        let stderr = attached.stderr();
        let status = attached.take_status().ok_or_else(missing)?;
        let resize = resizing(&mut attached);
        if let Some(size) = request.terminal {
            resize(size);
        }
        let exit = async move {
            let ended = status.await;
            // As long as it is there, the connection is.
            drop(attached);
            let broken = || DriverError::unreachable("exec", "the connection broke");
            exit_of(&ended.ok_or_else(broken)?)
        };
        Ok(ExecProcess {
            io: Box::new(tokio::io::join(stdout, stdin)),
            stderr: stderr.map(|stderr| Box::new(stderr) as Box<_>),
            resize: Box::new(resize),
            exit: Box::pin(exit),
        })
    }
}

/// How a command ended, as the kubelet says it.
fn exit_of(status: &Status) -> Result<ExitStatus, DriverError> {
    if status.status.as_deref() == Some("Success") {
        return Ok(ExitStatus::Code(0));
    }
    let details = status.details.as_ref();
    let causes = details.and_then(|details| details.causes.as_deref());
    let mut causes = causes.unwrap_or_default().iter();
    let code = causes.find(|cause| cause.reason.as_deref() == Some("ExitCode"));
    let code = code.and_then(|cause| cause.message.as_deref()?.parse().ok());
    code.map(ExitStatus::Code).ok_or_else(|| {
        let reason = status.message.clone().unwrap_or_default();
        DriverError::permanent("exec", reason)
    })
}
