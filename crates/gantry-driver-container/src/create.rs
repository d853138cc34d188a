//! From a specification to what an engine is asked to make.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    ContainerCreateBody, DeviceMapping, DeviceRequest, EndpointSettings, HostConfig,
    HostConfigLogConfig, Mount, MountType, NetworkingConfig, PortBinding, PortMap,
    ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum,
};
use gantry_core::{Generation, InstanceId};
use gantry_driver::{Recorded, Settings, StackIdentity};
use gantry_stack::modes::container::Ulimit;

use crate::engine::{Engine, Kind};
use crate::names::{MACHINE, Names, alias};
use crate::spec::Spec;

/// What engines may keep of a container's output themselves: it is copied into our own store as it comes.
const KEPT_BY_ENGINE: &str = "64m";

/// One container that is to be made.
pub(crate) struct Wanted<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) names: &'a Names,
    pub(crate) stack: &'a StackIdentity,
    pub(crate) instance: &'a InstanceId,
    pub(crate) generation: Generation,
    pub(crate) from: &'a Recorded,
    pub(crate) spec: &'a Spec,
    pub(crate) image: String,
    /// The address of this machine, as the network knows it.
    pub(crate) machine: String,
    /// What `~` stands for.
    pub(crate) home: Option<&'a str>,
}

impl Wanted<'_> {
    /// The request.
    pub(crate) fn body(&self) -> ContainerCreateBody {
        let (spec, settings) = (self.spec, &*self.from.settings);
        let mut labels: HashMap<String, String> = spec.labels.clone().into_iter().collect();
        labels.extend(self.names.tag(self.instance, self.generation, self.from));
        ContainerCreateBody {
            hostname: Some(alias(self.instance, 2).into()),
            user: spec.user.clone(),
            exposed_ports: Some(settings.ports.values().map(|port| tcp(*port)).collect()),
            env: Some(self.env()),
            cmd: spec.command.clone(),
            entrypoint: spec.entrypoint.clone(),
            image: Some(self.image.clone()),
            working_dir: spec.folder.clone(),
            labels: Some(labels),
            tty: Some(spec.tty),
            open_stdin: Some(spec.tty),
            stop_signal: Some(format!("SIG{}", settings.stop.signal)),
            host_config: Some(self.host()),
            networking_config: Some(NetworkingConfig {
                endpoints_config: Some(HashMap::from([(self.names.network(), self.endpoint())])),
            }),
            ..ContainerCreateBody::default()
        }
    }

    /// How it is found in a network.
    pub(crate) fn endpoint(&self) -> EndpointSettings {
        EndpointSettings {
            aliases: Some(vec![
                alias(self.instance, 1).into(),
                alias(self.instance, 2).into(),
            ]),
            ..EndpointSettings::default()
        }
    }

    fn env(&self) -> Vec<String> {
        let settings = &*self.from.settings;
        let mut all: HashMap<String, String> = HashMap::from([
            ("GANTRY_STACK".to_owned(), self.stack.name.to_string()),
            (
                "GANTRY_SERVICE".to_owned(),
                self.instance.service.to_string(),
            ),
            ("GANTRY_INSTANCE".to_owned(), self.instance.to_string()),
        ]);
        all.extend(settings.env.clone());
        all.extend(self.spec.env.clone());
        let mut all: Vec<String> = all
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        all.sort_unstable();
        all
    }

    fn host(&self) -> HostConfig {
        let (spec, settings) = (self.spec, &*self.from.settings);
        let resources = &settings.resources;
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let memory = resources.memory.map(signed);
        HostConfig {
            memory,
            // The limit is of both together: without this the same again could be swapped out.
            memory_swap: memory,
            nano_cpus: resources
                .cpu_millis
                .map(|millis| signed(millis.saturating_mul(1_000_000))),
            pids_limit: resources.pids.map(signed),
            blkio_weight: resources
                .io_weight
                // Everybody else has 100 there, and 500 here.
                .map(|weight| u16::try_from((weight * 5).clamp(10, 1000)).unwrap_or(1000)),
            ulimits: Some(self.ulimits()),
            devices: Some(spec.devices.iter().map(|text| device(text)).collect()),
            device_requests: spec.gpus.as_deref().map(|gpus| vec![graphics(gpus)]),
            init: spec.init.then_some(true),
            log_config: Some(self.output()),
            network_mode: Some(self.names.network()),
            port_bindings: Some(bindings(self.engine, settings)),
            restart_policy: Some(RestartPolicy {
                name: Some(RestartPolicyNameEnum::NO),
                maximum_retry_count: None,
            }),
            mounts: Some(self.mounts()),
            tmpfs: Some(spec.tmpfs.iter().map(|text| in_memory(text)).collect()),
            cap_add: Some(spec.cap_add.clone()),
            cap_drop: Some(spec.cap_drop.clone()),
            extra_hosts: Some(self.hosts()),
            privileged: Some(spec.privileged),
            readonly_rootfs: Some(spec.read_only),
            shm_size: spec.shm_size.map(signed),
            ..HostConfig::default()
        }
    }

    /// Those that are written by name stand over what all modes have.
    fn ulimits(&self) -> Vec<ResourcesUlimits> {
        let files = self.from.settings.resources.open_files;
        let files = files.map(|files| {
            let files = i64::try_from(files).unwrap_or(i64::MAX);
            Ulimit {
                soft: files,
                hard: files,
            }
        });
        let named = self.spec.ulimits.iter();
        let mut all: BTreeMap<&str, Ulimit> = files.map(|it| ("nofile", it)).into_iter().collect();
        all.extend(named.map(|(name, limit)| (name.as_str(), *limit)));
        let all = all.into_iter().map(|(name, limit)| ResourcesUlimits {
            name: Some(name.to_owned()),
            soft: Some(limit.soft),
            hard: Some(limit.hard),
        });
        all.collect()
    }

    fn output(&self) -> HostConfigLogConfig {
        let (typ, config) = match self.engine.kind {
            Kind::Docker => (
                "json-file",
                HashMap::from([
                    ("max-size".to_owned(), KEPT_BY_ENGINE.to_owned()),
                    ("max-file".to_owned(), "2".to_owned()),
                ]),
            ),
            // Its default is the journal, which not every machine has.
            Kind::Podman => ("k8s-file", HashMap::new()),
        };
        HostConfigLogConfig {
            typ: Some(typ.to_owned()),
            config: Some(config),
        }
    }

    fn hosts(&self) -> Vec<String> {
        let written = self.spec.hosts.iter();
        let mut hosts: Vec<_> = written.map(|(name, at)| format!("{name}:{at}")).collect();
        hosts.push(format!("{MACHINE}:{}", self.machine));
        hosts
    }

    fn at_home(&self, path: &str) -> String {
        match (path.strip_prefix('~'), self.home) {
            (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
                format!("{home}{rest}")
            }
            _ => path.to_owned(),
        }
    }

    fn mounts(&self) -> Vec<Mount> {
        let volumes = self.spec.volumes.iter();
        let mounts = volumes.map(|volume| {
            let (typ, source) = match (&volume.path, &volume.name) {
                // A folder that is missing is an error: an engine would make one, as root.
                (Some(path), _) => (MountType::BIND, self.at_home(path.as_str())),
                (None, Some(name)) => (MountType::VOLUME, self.names.volume(name)),
                (None, None) => (MountType::VOLUME, String::new()),
            };
            Mount {
                target: Some(volume.target.clone()),
                source: Some(source).filter(|source| !source.is_empty()),
                typ: Some(typ),
                read_only: Some(volume.read_only),
                ..Mount::default()
            }
        });
        mounts.collect()
    }
}

fn tcp(port: u16) -> String {
    format!("{port}/tcp")
}

/// The ports of this machine. On an engine of this machine they are for this machine only.
fn bindings(engine: &Engine, settings: &Settings) -> PortMap {
    let none = gantry_driver::Ports::new();
    let host_ports = settings.host_ports.as_ref().unwrap_or(&none);
    let published = host_ports.iter().filter_map(|(name, host)| {
        let own = settings.ports.get(name)?;
        let binding = PortBinding {
            host_ip: engine
                .place
                .is_local()
                .then(|| gantry_driver::LOCALHOST.to_owned()),
            host_port: Some(host.to_string()),
        };
        Some((tcp(*own), Some(vec![binding])))
    });
    published.collect()
}

/// `/dev/x`, `/dev/x:/dev/y` or `/dev/x:/dev/y:rw`.
fn device(text: &str) -> DeviceMapping {
    let mut parts = text.split(':');
    let host = parts.next().unwrap_or(text);
    DeviceMapping {
        path_on_host: Some(host.to_owned()),
        path_in_container: Some(parts.next().unwrap_or(host).to_owned()),
        cgroup_permissions: Some(parts.next().unwrap_or("rwm").to_owned()),
    }
}

/// `all`, or how many.
fn graphics(gpus: &str) -> DeviceRequest {
    DeviceRequest {
        count: Some(gpus.parse().unwrap_or(-1)),
        capabilities: Some(vec![vec!["gpu".to_owned()]]),
        ..DeviceRequest::default()
    }
}

/// `/run` or `/run:size=64m`.
fn in_memory(text: &str) -> (String, String) {
    let (target, options) = text.split_once(':').unwrap_or((text, ""));
    (target.to_owned(), options.to_owned())
}
