//! What the engine knows besides the world: specifications by revision, and what each instance was
//! started from.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use gantry_core::{Digest, Generation, InstanceKey, Revision, ServiceKey};
use gantry_driver::{Address, Packed, Recorded, Said, Settings, Target};
use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};
use smol_str::SmolStr;

use crate::beside::Beside;
use crate::definition::Definition;
use crate::effects::probes::{BackendWord, PreparedProbe};
use crate::tables::{ByInstance, ByService};

/// How many specifications of a service are kept: the one that is wanted, and those that instances
/// which are being replaced were started from.
const KEPT: usize = 3;

/// What an instance is started from, with everything resolved.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) target: Target,
    pub(crate) recorded: Recorded,
    pub(crate) probes: Arc<[PreparedProbe]>,
    pub(crate) beside: Beside,
}

/// What it was started from, as it is kept while it runs: nobody looks at most of it before it stops.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    pub(crate) target: Target,
    pub(crate) probes: Arc<[PreparedProbe]>,
    revision: Revision,
    digest: Digest,
    spec: Packed,
    settings: Packed,
}

impl Packet {
    fn of(prepared: &Prepared, spec: Packed) -> Self {
        let recorded = &prepared.recorded;
        Self {
            target: prepared.target.clone(),
            probes: Arc::clone(&prepared.probes),
            revision: recorded.revision,
            digest: recorded.digest,
            spec,
            settings: pack(&recorded.settings),
        }
    }

    /// What its driver is told that it was started from.
    pub(crate) fn recorded(&self) -> Recorded {
        let settings = self.settings.read();
        Recorded {
            revision: self.revision,
            digest: self.digest,
            spec: Arc::new(self.spec.value()),
            settings: Arc::new(settings.expect("settings were packed")),
        }
    }
}

/// Without what every service has that says nothing.
fn pack(settings: &Settings) -> Packed {
    Packed::of(&Sparse(settings))
}

/// Settings, as far as they are no others than everybody's.
struct Sparse<'a>(&'a Settings);

impl Serialize for Sparse<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        static PLAIN: LazyLock<Settings> = LazyLock::new(Settings::default);
        fn put<M: SerializeMap, T: Serialize + PartialEq>(
            map: &mut M,
            name: &str,
            value: &T,
            plain: &T,
        ) -> Result<(), M::Error> {
            if value == plain {
                return Ok(());
            }
            map.serialize_entry(name, value)
        }
        // All of them are named, so that none is forgotten.
        let Settings {
            env,
            ports,
            host_ports,
            stop,
            logs,
            resources,
            folder,
            job,
            voice,
        } = self.0;
        let mut map = serializer.serialize_map(None)?;
        put(&mut map, "env", env, &PLAIN.env)?;
        put(&mut map, "ports", ports, &PLAIN.ports)?;
        put(&mut map, "host_ports", host_ports, &PLAIN.host_ports)?;
        put(&mut map, "stop", stop, &PLAIN.stop)?;
        put(&mut map, "logs", logs, &PLAIN.logs)?;
        put(&mut map, "resources", resources, &PLAIN.resources)?;
        put(&mut map, "folder", folder, &PLAIN.folder)?;
        put(&mut map, "job", job, &PLAIN.job)?;
        put(&mut map, "voice", voice, &PLAIN.voice)?;
        map.end()
    }
}

/// One instance that was started, or found.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) generation: Generation,
    pub(crate) revision: Revision,
    /// None if it was found, and what it was started from was not needed yet.
    pub(crate) prepared: Option<Box<Packet>>,
    /// How it is known what belongs to it.
    pub(crate) membership: Option<SmolStr>,
    /// Whether its exit may remain unknown, because who keeps it was killed.
    pub(crate) unguarded: bool,
    /// Since when it runs.
    pub(crate) since: Option<Timestamp>,
    /// What it has said of itself, if it has.
    pub(crate) said: Option<Box<Said>>,
    /// What its backend says of its being ready.
    pub(crate) backend: BackendWord,
    /// What was asked for and could not be had.
    pub(crate) warnings: Vec<String>,
}

/// The book.
#[derive(Debug, Default)]
pub(crate) struct Book {
    definitions: ByService<Vec<(Revision, Arc<Definition>)>>,
    runs: ByInstance<Run>,
    /// Restarts that earlier supervisors made. Few have any.
    restarts: HashMap<InstanceKey, u32>,
    /// Ways to instances that their backends provide.
    addresses: HashMap<InstanceKey, (Generation, Vec<Address>)>,
}

impl Book {
    /// This is the specification of that revision. The same revision may get a new one that differs
    /// in nothing that a driver is given.
    pub(crate) fn define(
        &mut self,
        service: ServiceKey,
        revision: Revision,
        definition: Arc<Definition>,
    ) {
        let known = self.definitions.entry(service);
        known.retain(|(other, _)| *other != revision);
        known.reserve_exact(1);
        known.push((revision, definition));
        if known.len() > KEPT {
            known.remove(0);
        }
    }

    /// The specification of that revision.
    pub(crate) fn definition(
        &self,
        service: ServiceKey,
        revision: Revision,
    ) -> Option<&Arc<Definition>> {
        let known = self.definitions.get(service)?;
        let found = known.iter().find(|(other, _)| *other == revision);
        found.map(|(_, definition)| definition)
    }

    /// What an instance of a service was started from. Where nothing was to be put into its specification, as in
    /// nearly all, no second copy of that is kept.
    pub(crate) fn packet(&self, service: ServiceKey, prepared: &Prepared) -> Packet {
        let mut spec = Packed::from(&*prepared.recorded.spec);
        if let Some(definition) = self.definition(service, prepared.recorded.revision) {
            spec = spec.shared_with(&definition.spec);
        }
        Packet::of(prepared, spec)
    }

    /// The newest specification.
    pub(crate) fn latest(&self, service: ServiceKey) -> Option<&Arc<Definition>> {
        let (_, definition) = self.definitions.get(service)?.last()?;
        Some(definition)
    }

    /// All newest specifications.
    pub(crate) fn all(&self) -> impl Iterator<Item = (ServiceKey, &Arc<Definition>)> {
        let known = self.definitions.iter();
        known.filter_map(|(key, known)| known.last().map(|(_, definition)| (key, definition)))
    }

    pub(crate) fn run(&self, instance: InstanceKey) -> Option<&Run> {
        self.runs.get(instance)
    }

    pub(crate) fn put_run(&mut self, instance: InstanceKey, run: Run) {
        self.runs.insert(instance, run);
    }

    pub(crate) fn run_mut(&mut self, instance: InstanceKey) -> Option<&mut Run> {
        self.runs.get_mut(instance)
    }

    /// Ways to an instance, as its backend provides them.
    pub(crate) fn addresses(&self, instance: InstanceKey) -> &[Address] {
        let Some((of, addresses)) = self.addresses.get(&instance) else {
            return &[];
        };
        match self.runs.get(instance) {
            Some(run) if run.generation == *of => addresses,
            _ => &[],
        }
    }

    pub(crate) fn put_addresses(
        &mut self,
        instance: InstanceKey,
        generation: Generation,
        addresses: Vec<Address>,
    ) {
        if addresses.is_empty() {
            self.addresses.remove(&instance);
        } else {
            self.addresses.insert(instance, (generation, addresses));
        }
    }

    pub(crate) fn restarts_before(&self, instance: InstanceKey) -> u32 {
        self.restarts.get(&instance).copied().unwrap_or(0)
    }

    /// An earlier supervisor started it again so often.
    pub(crate) fn put_restarts(&mut self, instance: InstanceKey, restarts: u32) {
        self.restarts.insert(instance, restarts);
    }

    /// Bring together in memory what is kept of instances.
    pub(crate) fn gather(&mut self) {
        self.runs.renew(|run| {
            let mut copy = run.clone();
            if let Some(packet) = &mut copy.prepared {
                packet.settings = packet.settings.apart();
            }
            copy
        });
    }

    /// The service left: forget it.
    pub(crate) fn remove(&mut self, service: ServiceKey) {
        if let Some(known) = self.definitions.get_mut(service) {
            *known = Vec::new();
        }
        self.runs.remove(service);
        self.addresses
            .retain(|instance, _| instance.service != service);
        self.restarts
            .retain(|instance, _| instance.service != service);
    }
}

#[cfg(test)]
mod tests {
    use super::{Settings, pack};

    #[test]
    fn settings_come_back_as_they_were() {
        let plain = Settings::default();
        assert_eq!(pack(&plain).value(), serde_json::json!({}));
        let ports: gantry_driver::Ports = [("http".into(), 8080)].into_iter().collect();
        let mut other = Settings {
            ports: ports.clone(),
            host_ports: Some(ports),
            folder: "/srv".into(),
            job: true,
            ..plain.clone()
        };
        other.env.insert("A".into(), "b".into());
        other.stop.signal = "INT".into();
        other.logs.keep += 1;
        other.resources.memory = Some(1);
        other.voice.notify = true;
        for settings in [plain, other] {
            let read: Settings = pack(&settings).read().expect("settings");
            assert_eq!(read, settings);
        }
    }
}
