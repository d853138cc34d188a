//! From a specification to what the keeper spawns.

use camino::{Utf8Path, Utf8PathBuf};
use gantry_core::InstanceId;
use gantry_driver::{LogPolicy, Overflow, Recorded, Settings, SpecError, StackIdentity, Voice};
use gantry_keeper::protocol as keeper;
use gantry_stack::modes::process::ProcessSpec;
use indexmap::IndexMap;

use crate::spec::{DEFAULT_PATH, Spec, absolute};

/// What the keeper is to run for this instance.
pub(crate) fn service(
    stack: &StackIdentity,
    instance: &InstanceId,
    spec: Spec,
    settings: &Settings,
) -> keeper::Command {
    let env = environment(stack, instance, &spec, settings);
    let cwd = below(&stack.base_dir, spec.working_folder(settings));
    let read_only_paths = spec
        .read_only_paths
        .iter()
        .map(|path| absolute(settings, path))
        .collect();
    let Spec(spec) = spec;
    let sockets = sockets(&spec, settings);
    keeper::Command {
        env,
        cwd,
        inherit_env: spec.inherit_env,
        user: spec.user,
        group: spec.group,
        groups: spec.groups,
        umask: spec.umask,
        limits: keeper::Limits {
            open_files: settings.resources.open_files,
            core: spec.core,
            nice: spec.nice,
            scheduling: spec.scheduling,
            priority: spec.priority,
            oom_score: spec.oom_score,
        },
        resources: keeper::Resources {
            memory: settings.resources.memory,
            cpu_millis: settings.resources.cpu_millis,
            pids: settings.resources.pids,
            io_weight: settings.resources.io_weight,
        },
        sandbox: keeper::Sandbox {
            capabilities: spec.capabilities,
            drop_capabilities: spec.drop_capabilities,
            no_new_privileges: spec.no_new_privileges,
            private_tmp: spec.private_tmp,
            read_only_paths,
        },
        voice: voice(&settings.voice),
        sockets,
        terminal: spec.tty,
        argv: spec.command,
    }
}

/// A folder that is not absolute begins in the stack file's.
fn below(base: &Utf8Path, folder: Utf8PathBuf) -> Utf8PathBuf {
    if folder.as_str().is_empty() {
        base.to_owned()
    } else {
        base.join(folder)
    }
}

/// What the keeper is to run beside this instance: another command, with all else the same, but for
/// the limits, which are the instance's own.
pub(crate) fn beside(
    stack: &StackIdentity,
    instance: &InstanceId,
    from: &Recorded,
    argv: Vec<String>,
) -> Result<keeper::Command, SpecError> {
    Ok(keeper::Command {
        argv,
        limits: keeper::Limits::default(),
        resources: keeper::Resources::default(),
        voice: keeper::Voice::default(),
        sockets: Vec::new(),
        terminal: false,
        ..service(stack, instance, Spec::read(&from.spec)?, &from.settings)
    })
}

/// Where what a command beside an instance prints goes.
pub(crate) fn job_log(
    instance: &InstanceId,
    from: &Recorded,
    label: &str,
) -> Result<Box<keeper::JobLog>, SpecError> {
    Ok(Box::new(keeper::JobLog {
        instance: name(instance)?,
        label: label.to_owned(),
        policy: log_policy(&from.settings.logs),
    }))
}

/// The variable that tells a command beside an instance the number of its process.
pub(crate) fn pid(pid: Option<u32>) -> Option<(String, String)> {
    Some(("GANTRY_PID".into(), pid?.to_string()))
}

/// What the keeper is to run on its own, for the stack.
pub(crate) fn host(stack: &StackIdentity, argv: Vec<String>) -> keeper::Command {
    keeper::Command {
        argv,
        inherit_env: true,
        env: vec![("GANTRY_STACK".into(), stack.name.to_string())],
        cwd: stack.base_dir.clone(),
        ..keeper::Command::default()
    }
}

/// The variables on top of what is inherited, later ones winning: the service's, the mode's, and those
/// that every instance gets. The last cannot be overridden, since children rely on them.
pub(crate) fn environment(
    stack: &StackIdentity,
    instance: &InstanceId,
    spec: &Spec,
    settings: &Settings,
) -> Vec<(String, String)> {
    let mut all = IndexMap::new();
    if !spec.inherit_env {
        all.insert("PATH".to_owned(), DEFAULT_PATH.to_owned());
    }
    for (name, value) in settings.env.iter().chain(&spec.env) {
        all.insert(name.clone(), value.clone());
    }
    all.insert("GANTRY_STACK".into(), stack.name.to_string());
    all.insert("GANTRY_SERVICE".into(), instance.service.to_string());
    all.insert("GANTRY_INSTANCE".into(), instance.to_string());
    for (name, port) in &settings.ports {
        all.insert(port_variable(name), port.to_string());
    }
    all.into_iter().collect()
}

/// `GANTRY_PORT_HTTP_ADMIN` for the port `http-admin`.
fn port_variable(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|char| match char {
            '-' | '.' => '_',
            other => other.to_ascii_uppercase(),
        })
        .collect();
    format!("GANTRY_PORT_{name}")
}

/// The sockets that are opened for it: a port of its own by name, a port by number, an address, or a
/// path.
pub(crate) fn sockets(spec: &ProcessSpec, settings: &Settings) -> Vec<keeper::Socket> {
    let sockets = spec.sockets.iter();
    sockets
        .map(|(name, socket)| {
            let listen = socket.listen.as_str();
            let port = settings.ports.get(listen).copied();
            let listen = if let Some(port) = port.or_else(|| listen.parse().ok()) {
                format!("127.0.0.1:{port}")
            } else if let Some(port) = listen.strip_prefix("localhost:") {
                format!("127.0.0.1:{port}")
            } else if listen.contains('/') {
                let path = listen.strip_prefix("./").unwrap_or(listen);
                absolute(settings, Utf8Path::new(path)).into_string()
            } else {
                listen.to_owned()
            };
            keeper::Socket {
                name: name.clone(),
                listen,
                datagram: socket.datagram,
            }
        })
        .collect()
}

/// The same voice in the keeper's words.
fn voice(voice: &Voice) -> keeper::Voice {
    keeper::Voice {
        fd: voice.fd,
        notify: voice.notify,
        watchdog_ms: voice
            .watchdog
            .map(|every| u64::try_from(every.as_millis()).unwrap_or(u64::MAX)),
    }
}

/// The same policy in the keeper's words.
pub(crate) fn log_policy(policy: &LogPolicy) -> keeper::LogPolicy {
    keeper::LogPolicy {
        max_size: policy.max_size,
        max_age_ms: policy
            .max_age
            .map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
        keep: policy.keep,
        max_total: policy.max_total,
        overflow: match policy.overflow {
            Overflow::Block => keeper::Overflow::Block,
            Overflow::Drop => keeper::Overflow::Drop,
        },
    }
}

/// The name of an instance in the keeper's words. Both sides allow the same names.
pub(crate) fn name(instance: &InstanceId) -> Result<keeper::InstanceName, SpecError> {
    keeper::InstanceName::new(instance.service.as_str(), instance.number())
        .map_err(|error| SpecError::new("", error.to_string()))
}

#[cfg(test)]
mod tests;
