//! There is no event that a world does not accept, in any order, about anything.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::harness::{job, name, probed, spec};
use crate::effect::{Effect, StopHow};
use crate::event::{Change, ChangeEffect, Command, Event, ObservedInstance, ObservedRun, Targets};
use crate::failure::{ExitStatus, Failure, FailureKind, Stage};
use crate::ids::{
    EffectId, Generation, InstanceKey, Millis, OperationId, Revision, ServiceKey, TimerId,
};
use crate::spec::{Condition, Dependency, ServiceSpec};
use crate::world::World;

fn instance() -> impl Strategy<Value = InstanceKey> + Clone {
    (0_u32..6, 0_u16..3).prop_map(|(service, slot)| InstanceKey {
        service: ServiceKey(service),
        slot,
    })
}

fn specs() -> impl Strategy<Value = Vec<ServiceSpec>> {
    (
        prop::collection::vec(any::<bool>(), 4),
        0_u16..3,
        any::<bool>(),
    )
        .prop_map(|(present, replicas, conflict)| {
            let mut api = probed(spec("api", &["db"]));
            api.replicas = replicas;
            api.depends_on
                .push(Dependency::new(name("migrate"), Condition::Completed));
            let mut web = spec("web", &["api"]);
            if conflict {
                web.conflicts_with.push(name("legacy"));
            }
            let all = [probed(spec("db", &[])), job("migrate"), api, web];
            all.into_iter()
                .zip(present)
                .filter(|(_, here)| *here)
                .map(|(spec, _)| spec)
                .collect()
        })
}

fn command() -> impl Strategy<Value = Command> {
    let services = prop::sample::subsequence(vec!["db", "migrate", "api", "web", "nobody"], 0..3)
        .prop_map(|names| names.into_iter().map(name).collect::<Vec<_>>());
    let how = prop_oneof![Just(StopHow::Graceful), Just(StopHow::Kill)];
    prop_oneof![
        services.clone().prop_map(|services| Command::Start {
            services,
            done: BTreeSet::new()
        }),
        (services.clone(), any::<bool>(), any::<bool>(), how.clone()).prop_map(
            |(services, cascade, force, how)| Command::Stop {
                services,
                cascade,
                force,
                how
            }
        ),
        (services, any::<bool>()).prop_map(|(services, cascade)| Command::Restart {
            services,
            cascade,
            done: BTreeSet::new()
        }),
        how.prop_map(|how| Command::Down { how }),
        (0_u16..4).prop_map(|replicas| Command::Scale {
            service: name("api"),
            replicas
        }),
        (0_u64..9).prop_map(|id| Command::Cancel {
            operation: OperationId(id)
        }),
    ]
}

fn run() -> impl Strategy<Value = ObservedRun> {
    prop_oneof![
        Just(ObservedRun::Stopped),
        cause().prop_map(|cause| ObservedRun::NotStarted { cause }),
        Just(ObservedRun::Stopping { pid: None }),
        Just(ObservedRun::Running {
            pid: None,
            since: None
        }),
        (0..2, any::<bool>()).prop_map(|(code, left)| ObservedRun::Exited {
            exit: ExitStatus::Code(code),
            left: left.then(|| "a child".into()),
            tail: Vec::new(),
        }),
    ]
}

fn cause() -> impl Strategy<Value = Failure> {
    let kinds = vec![
        FailureKind::Transient,
        FailureKind::Permanent,
        FailureKind::Unreachable,
        FailureKind::NotOurs,
    ];
    prop::sample::select(kinds).prop_map(|kind| Failure::new(Stage::Start, "no").kind(kind))
}

fn event() -> impl Strategy<Value = Event> {
    let services = prop::collection::vec((0_u32..6).prop_map(ServiceKey), 0..5);
    let about = (instance(), (0_u32..4).prop_map(Generation));
    let done = ((0_u64..12).prop_map(EffectId), instance());
    let seen = (about.clone(), run()).prop_map(|((instance, generation), run)| ObservedInstance {
        instance,
        generation,
        revision: Some(Revision(1)),
        run,
    });
    let effects = vec![
        ChangeEffect::None,
        ChangeEffect::InPlace,
        ChangeEffect::Recreate,
    ];
    let asks = (
        0_u64..9,
        specs(),
        prop::sample::select(effects),
        any::<bool>(),
        command(),
    );
    prop_oneof![
        4 => asks.prop_map(|(id, mut specs, effect, changed, command)| {
            let (operation, timeout) = (OperationId(id), (id % 3 == 0).then_some(Millis(500)));
            if id % 2 == 0 {
                return Event::Command { operation, command, timeout };
            }
            for spec in specs.iter_mut().filter(|_| changed) {
                spec.digest.0[0] = 1;
            }
            let service = name("api");
            let changes = vec![Change { service, effect, fields: Vec::new(), anew: false }];
            let specs = specs.into_iter().map(Into::into).collect();
            Event::Model { operation, specs, changes, targets: Targets::AutoStart, timeout }
        }),
        3 => done.clone().prop_map(|(effect, instance)| Event::Started { effect, instance, pid: None }),
        2 => done.clone().prop_map(|(effect, instance)| Event::Stopped { effect, instance, exit: None }),
        1 => (done.clone(), cause()).prop_map(|((effect, instance), cause)| {
            Event::StartFailed { effect, instance, cause }
        }),
        1 => done.clone().prop_map(|(effect, instance)| Event::Updated { effect, instance }),
        1 => done.clone().prop_map(|(effect, instance)| Event::Lost { effect, instance }),
        1 => done.prop_map(|(effect, instance)| {
            Event::StopResisted { effect, instance, what: "pid 1".into() }
        }),
        2 => (about.clone(), 0..2).prop_map(|((instance, generation), code)| Event::Exited {
            instance,
            generation,
            exit: ExitStatus::Code(code),
            left: None,
            tail: Vec::new(),
        }),
        2 => about.clone().prop_map(|(instance, generation)| Event::Ready { instance, generation }),
        1 => about.clone().prop_map(|(instance, generation)| Event::Leader { instance, generation, pid: 9 }),
        1 => about.clone().prop_map(|(instance, generation)| {
            Event::MoreTime { instance, generation, wanted: Millis(1_500) }
        }),
        1 => (about.clone(), cause()).prop_map(|((instance, generation), cause)| {
            Event::Doomed { instance, generation, cause }
        }),
        1 => about.prop_map(|(instance, generation)| {
            Event::NotLive { instance, generation, evidence: "no".into() }
        }),
        2 => (0_u64..12).prop_map(|id| Event::Timer { id: TimerId(id) }),
        1 => services.clone().prop_map(|services| {
            Event::BackendLost { services, reason: "gone".into() }
        }),
        1 => (services, prop::collection::vec(seen, 0..4)).prop_map(|(services, instances)| {
            Event::Observed { services, instances }
        }),
        1 => ((0_u32..6).prop_map(ServiceKey), cause()).prop_map(|(service, cause)| {
            Event::PreflightFailed { operation: OperationId(1), service, cause }
        }),
    ]
}

proptest! {
    #[test]
    fn any_events_are_accepted_and_the_counters_stay_right(
        events in prop::collection::vec((0_u64..2_000, event()), 0..60),
    ) {
        let mut world = World::new(3);
        let mut effects = Vec::new();
        for (at, event) in events {
            world.apply(Millis(at), event, &mut effects);
            if let Err(wrong) = world.audit() {
                prop_assert!(false, "{}", wrong);
            }
            for key in world.services() {
                prop_assert!(world.service(key).is_some());
                prop_assert!(!world.explain(key).is_empty());
            }
        }
        let mut ids: Vec<u64> = effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Start { id, .. } | Effect::Stop { id, .. } | Effect::Update { id, .. } => {
                    Some(id.0)
                }
                _ => None,
            })
            .collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(ids.len(), all, "an effect's id is given once");
    }
}
