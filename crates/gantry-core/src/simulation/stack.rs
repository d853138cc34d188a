//! The stack of a schedule: a few services, in three variants.

use super::random::Random;
use crate::event::{Change, ChangeEffect};
use crate::hook::Hook;
use crate::ids::{Digest, Millis, ModeName, ServiceName};
use crate::restart::{RestartPolicy, RestartWhen};
use crate::spec::{Condition, Dependency, Kind, ServiceSpec};

/// How many variants there are.
const VARIANTS: usize = 3;

/// The variants of one stack.
#[derive(Debug)]
pub(super) struct Stack {
    pub(super) names: Vec<ServiceName>,
    variants: Vec<Vec<ServiceSpec>>,
    /// What a change of digest needs, by service.
    effects: Vec<ChangeEffect>,
    /// Which services others have changed, or are made from something else, whenever somebody looks.
    anew: Vec<bool>,
}

impl Stack {
    pub(super) fn random(seed: u64) -> Self {
        let mut random = Random::new(seed.rotate_left(17));
        let count = 1 + random.pick() % 5;
        let names: Vec<ServiceName> = (0..count)
            .filter_map(|number| ServiceName::new(format!("s{number}")).ok())
            .collect();
        let mut base: Vec<ServiceSpec> = (0..names.len())
            .map(|number| service(&names, number, &mut random))
            .collect();
        make_jobs(&mut base);
        let effects = names
            .iter()
            .map(|_| match random.below(5) {
                0 => ChangeEffect::None,
                1 => ChangeEffect::Watch,
                2 => ChangeEffect::InPlace,
                3 => ChangeEffect::Recreate,
                _ => ChangeEffect::Restart,
            })
            .collect();
        let mut other = Random::new(seed.rotate_left(29));
        let anew = names.iter().map(|_| other.chance(10)).collect();
        let mut variants = vec![base];
        while variants.len() < VARIANTS {
            variants.push(varied(&variants[0], &names, &mut random));
        }
        Self {
            names,
            variants,
            effects,
            anew,
        }
    }

    pub(super) fn variant(&self, number: usize) -> &[ServiceSpec] {
        &self.variants[number % VARIANTS]
    }

    /// What a change of a service needs.
    pub(super) fn effect(&self, service: &ServiceName) -> ChangeEffect {
        let position = self.names.iter().position(|name| name == service);
        position.map_or(ChangeEffect::None, |position| self.effects[position])
    }

    pub(super) fn changes(&self) -> Vec<Change> {
        let all = self.names.iter().zip(&self.effects).zip(&self.anew);
        let changes = all.map(|((service, effect), anew)| Change {
            service: service.clone(),
            effect: *effect,
            fields: vec!["command".into()],
            anew: *anew,
        });
        changes.collect()
    }
}

fn service(names: &[ServiceName], number: usize, random: &mut Random) -> ServiceSpec {
    let mut spec = ServiceSpec::new(names[number].clone(), ModeName::new("mock"));
    spec.kind = if random.chance(20) {
        Kind::Job
    } else {
        Kind::Service
    };
    spec.replicas = if spec.kind == Kind::Service && random.chance(25) {
        2
    } else {
        1
    };
    spec.probed_ready = random.chance(60);
    spec.probed_live = random.chance(30);
    spec.auto_start = random.chance(85);
    spec.order = i32::try_from(random.below(3)).unwrap_or(0);
    spec.start_timeout = Millis(2_000 + random.below(20_000));
    spec.restart = RestartPolicy {
        when: match random.below(5) {
            0 => RestartWhen::Never,
            1 => RestartWhen::Always,
            _ => RestartWhen::OnFailure,
        },
        backoff_min: Millis(if random.chance(30) { 0 } else { 200 }),
        max: u32::try_from(1 + random.below(4)).unwrap_or(1),
        window: Millis(60_000),
        ..RestartPolicy::default()
    };
    spec.depends_on = edges(names, number, random);
    for hook in Hook::ALL {
        if random.chance(15) {
            spec.hooks.push(hook);
        }
    }
    if number > 0 && random.chance(8) {
        let other = random.pick() % number;
        // Two services of which one needs the other cannot conflict; the model refuses that.
        if spec.depends_on.is_empty() {
            spec.conflicts_with.push(names[other].clone());
            spec.auto_start = false;
        }
    }
    spec
}

fn edges(names: &[ServiceName], number: usize, random: &mut Random) -> Vec<Dependency> {
    let mut edges = Vec::new();
    for name in &names[..number] {
        if random.chance(40) {
            let condition = match random.below(4) {
                0 => Condition::Started,
                1 => Condition::Completed,
                _ => Condition::Ready,
            };
            let mut edge = Dependency::new(name.clone(), condition);
            edge.follow = random.chance(20);
            edges.push(edge);
        }
    }
    edges
}

/// The same stack after someone worked on it.
fn varied(base: &[ServiceSpec], names: &[ServiceName], random: &mut Random) -> Vec<ServiceSpec> {
    let mut specs = base.to_vec();
    for (number, spec) in specs.iter_mut().enumerate() {
        if random.chance(40) {
            spec.digest = Digest([u8::try_from(1 + random.below(9)).unwrap_or(1); 16]);
        }
        if random.chance(15) {
            spec.depends_on = edges(names, number, random);
            spec.conflicts_with.clear();
        }
        if random.chance(15) && spec.kind == Kind::Service {
            spec.replicas = 3 - spec.replicas.min(2);
        }
    }
    if random.chance(40) {
        let gone = random.pick() % specs.len();
        let gone = specs.remove(gone).name;
        for spec in &mut specs {
            spec.depends_on.retain(|edge| edge.on != gone);
        }
    }
    // Nobody begins to wait for the end of what does not end.
    for spec in &mut specs {
        for edge in &mut spec.depends_on {
            let ends = base
                .iter()
                .any(|spec| spec.name == edge.on && spec.kind == Kind::Job);
            if edge.condition == Condition::Completed && !ends {
                edge.condition = Condition::Ready;
            }
        }
    }
    specs
}

/// Whose end is waited for is a job, as a stack file has it.
fn make_jobs(specs: &mut [ServiceSpec]) {
    let waited: Vec<ServiceName> = specs
        .iter()
        .flat_map(|spec| &spec.depends_on)
        .filter(|edge| edge.condition == Condition::Completed)
        .map(|edge| edge.on.clone())
        .collect();
    for spec in specs.iter_mut().filter(|spec| waited.contains(&spec.name)) {
        spec.kind = Kind::Job;
        spec.replicas = 1;
    }
}
