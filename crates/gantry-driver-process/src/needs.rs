//! What must be there before a process can start.

use camino::Utf8Path;
use gantry_core::ServiceName;
use gantry_driver::{Described, Need, Prerequisite, Settings};

use crate::command;
use crate::rights;
use crate::spec::{Spec, absolute};

/// The needs of all these services; one that many share is named once.
pub(crate) fn of(services: &[(ServiceName, Described<'_>)]) -> Vec<Prerequisite> {
    let mut all = Needs::default();
    for (service, described) in services {
        // What cannot be read is reported by `Driver::check`.
        if let Ok(spec) = Spec::read(described.spec) {
            one(service, &spec, described.settings, &mut all);
        }
    }
    all.list
}

fn one(service: &ServiceName, spec: &Spec, settings: &Settings, all: &mut Needs) {
    let folder = spec.working_folder(settings);
    let program = |name: &str| program(spec, settings, name);
    all.add(service, "command", program(spec.program()));
    let stop = spec.stop_command.as_ref();
    if let Some(name) = stop
        .or(settings.stop.command.as_ref())
        .and_then(|c| c.first())
    {
        all.add(service, "stop.command", program(name));
    }
    if let Some(user) = &spec.user {
        all.add(service, "user", Need::User { name: user.clone() });
    }
    for group in spec.group.iter().chain(spec.groups.iter().flatten()) {
        all.add(
            service,
            "group",
            Need::Group {
                name: group.clone(),
            },
        );
    }
    for socket in command::sockets(spec, settings) {
        // A port of the service is looked at as every other port.
        let listen = &socket.listen;
        let port = settings
            .ports
            .values()
            .any(|port| *listen == format!("127.0.0.1:{port}"));
        if !port {
            let need = Need::Listen {
                address: socket.listen,
                datagram: socket.datagram,
            };
            all.add(service, "sockets", need);
        }
    }
    for file in &spec.files {
        let path = absolute(settings, Utf8Path::new(file));
        all.add(service, "files", Need::File { path });
    }
    for path in &spec.read_only_paths {
        let need = rights::path(absolute(settings, path));
        all.add(service, "read-only-paths", need);
    }
    let named = spec.capabilities.iter().flatten();
    let named: Vec<String> = named.chain(&spec.drop_capabilities).cloned().collect();
    if !named.is_empty() {
        let kept = spec.capabilities.clone().unwrap_or_default();
        all.add(service, "capabilities", rights::capabilities(&named, &kept));
    }
    if let Some(need) = rights::limits(&settings.resources) {
        all.wish(service, "resources", need);
    }
    all.add(service, "folder", Need::Folder { path: folder });
}

/// What a command needs that is run beside a service.
pub(crate) fn beside(service: Described<'_>, name: &str) -> Option<Need> {
    let spec = Spec::read(service.spec).ok()?;
    Some(program(&spec, service.settings, name))
}

/// A program that is run in the folder and with the environment of a service.
fn program(spec: &Spec, settings: &Settings, name: &str) -> Need {
    Need::Program {
        name: name.to_owned(),
        path: spec.search_path(settings).map(str::to_owned),
        folder: spec.working_folder(settings),
    }
}

/// Needs in the order in which they were first named.
#[derive(Default)]
struct Needs {
    list: Vec<Prerequisite>,
    places: std::collections::HashMap<String, usize>,
}

impl Needs {
    fn add(&mut self, service: &ServiceName, field: &str, need: Need) {
        self.put(service, field, need, false);
    }

    /// What it starts without all the same.
    fn wish(&mut self, service: &ServiceName, field: &str, need: Need) {
        self.put(service, field, need, true);
    }

    fn put(&mut self, service: &ServiceName, field: &str, need: Need, advisory: bool) {
        let key = format!("{field} {need:?}");
        if let Some(&place) = self.places.get(&key) {
            self.list[place].services.push(service.clone());
        } else {
            self.places.insert(key, self.list.len());
            self.list.push(Prerequisite {
                services: vec![service.clone()],
                need,
                field: field.into(),
                advisory,
            });
        }
    }
}

#[cfg(test)]
mod tests;
