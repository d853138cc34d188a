//! Joining a container's terminal, and commands in it that someone watches.

use gantry_container_engine::interact::{self, Watched};
use gantry_core::{Generation, InstanceId};
use gantry_driver::{
    Attach, AttachRequest, BoxFuture, DriverError, Exec, ExecProcess, ExecRequest,
};

use crate::look::{self, Run, Seen};
use crate::session::ContainerSession;

/// How many lines whoever joins is shown of what was printed before.
const RECENT: usize = 20;

impl ContainerSession {
    /// The container of an instance that runs, of this start if one is named.
    pub(crate) async fn running(
        &self,
        instance: &InstanceId,
        generation: Option<Generation>,
        stage: &'static str,
    ) -> Result<Seen, DriverError> {
        let context = self.context();
        let name = context.place(instance);
        let seen = look::one(&context.engine, &context.names, &name).await?;
        let runs = |seen: &Seen| {
            matches!(seen.run, Run::Running { .. })
                && generation.is_none_or(|generation| generation == seen.tag.generation)
        };
        seen.filter(runs)
            .ok_or_else(|| DriverError::permanent(stage, "its container does not run"))
    }
}

impl Attach for ContainerSession {
    fn attach(&self, request: AttachRequest) -> BoxFuture<'_, Result<ExecProcess, DriverError>> {
        Box::pin(async move {
            let (instance, generation) = (&request.instance, Some(request.generation));
            let seen = self.running(instance, generation, "attach").await?;
            if !seen.tty {
                let reason = "it runs without a terminal: with `tty = true` in its container table it \
                              gets one; what it prints is shown by `gantry logs -f`";
                return Err(DriverError::permanent("attach", reason));
            }
            let recent = if request.recent { RECENT } else { 0 };
            interact::attach(&self.context().engine, &seen.id, request.terminal, recent).await
        })
    }
}

impl Exec for ContainerSession {
    fn exec(&self, request: ExecRequest) -> BoxFuture<'_, Result<ExecProcess, DriverError>> {
        Box::pin(async move {
            let (instance, generation) = (&request.instance, Some(request.generation));
            let seen = self.running(instance, generation, "exec").await?;
            let env = request.env.iter();
            let watched = Watched {
                env: env.map(|(name, value)| format!("{name}={value}")).collect(),
                command: request.command,
                terminal: request.terminal,
            };
            interact::exec(&self.context().engine, &seen.id, watched).await
        })
    }
}
