use gantry_core::{Condition, Millis, ModeName, RestartWhen, ServiceName};
use indexmap::IndexMap;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};
use smol_str::SmolStr;

use super::*;
use crate::template::{EnvValue, Part, Reference, Secret, Template};

#[test]
fn a_service_of_defaults_is_small() {
    let service = Service::default();
    let json = serde_json::to_string(&service).unwrap();
    assert_eq!(
        json,
        r#"{"run":{"mode":"process","spec":{}},"start-timeout":60000}"#
    );
    assert_eq!(serde_json::from_str::<Service>(&json).unwrap(), service);
}

#[test]
fn keys_of_another_version_are_refused() {
    let json = json!({"run": {"mode": "process", "spec": {}}, "start-timeout": 1, "newer": true});
    assert!(serde_json::from_value::<Service>(json).is_err());
}

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9-]{0,8}"
}

fn millis() -> impl Strategy<Value = Millis> {
    any::<u32>().prop_map(|millis| Millis(millis.into()))
}

fn reference() -> impl Strategy<Value = Reference> {
    let default = option::of(prop_oneof![
        Just(Value::Null),
        any::<u16>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
    ]);
    (vec("[a-z0-9. é-]{1,6}", 1..4), default).prop_map(|(path, default)| Reference {
        default,
        ..Reference::new(path)
    })
}

fn template() -> impl Strategy<Value = Template> {
    let part = prop_oneof![
        "[a-z{}$\" ]{0,8}".prop_map(Part::Literal),
        reference().prop_map(Part::Reference),
    ];
    vec(part, 0..4).prop_map(Template::from_parts)
}

fn env_value() -> impl Strategy<Value = EnvValue> {
    prop_oneof![
        4 => template().prop_map(EnvValue::Text),
        1 => name().prop_map(|name| EnvValue::Secret(Secret::Env(name))),
        1 => vec(name(), 1..3).prop_map(|argv| EnvValue::Secret(Secret::Command(argv))),
    ]
}

fn probe() -> impl Strategy<Value = Probe> {
    let check = prop_oneof![
        template().prop_map(|address| ProbeCheck::Tcp(TcpCheck { address })),
        vec(template(), 1..3).prop_map(|command| ProbeCheck::Command(CommandCheck { command })),
        (template(), option::of(millis())).prop_map(|(path, max_age)| {
            ProbeCheck::File(FileCheck {
                path,
                max_age,
                contains: None,
            })
        }),
        (template(), vec(100_u16..600, 0..2)).prop_map(|(url, status)| {
            ProbeCheck::Http(Box::new(HttpCheck {
                url: Some(url),
                status,
                ..HttpCheck::default()
            }))
        }),
        Just(ProbeCheck::Notify(NotifyCheck {})),
    ];
    (check, millis(), any::<u32>()).prop_map(|(check, interval, failures)| Probe {
        interval,
        failures,
        ..Probe::new(check)
    })
}

fn depends_on() -> impl Strategy<Value = DependsOn> {
    let condition = prop_oneof![
        Just(Condition::Started),
        Just(Condition::Ready),
        Just(Condition::Completed)
    ];
    (
        name(),
        option::of(name()),
        condition,
        any::<bool>(),
        any::<u32>(),
    )
        .prop_map(|(service, child, condition, implied, line)| DependsOn {
            service: ServiceName::new(service).unwrap(),
            child: child.map(SmolStr::new),
            condition,
            implied,
            origin: (line > 7).then(|| Origin {
                file: "gantry.toml".into(),
                line,
                column: 1,
            }),
        })
}

prop_compose! {
    fn service()(
        description in option::of(".{0,12}"),
        mode in name(),
        auto_start in any::<bool>(),
        order in any::<i32>(),
        replicas in any::<u16>(),
        ports in vec((name(), any::<u16>()), 0..3),
        env in vec((name(), env_value()), 0..4),
        depends_on in vec(depends_on(), 0..3),
        readiness in vec(probe(), 0..3),
        command in vec(template(), 0..3),
        when in prop_oneof![Just(RestartWhen::Never), Just(RestartWhen::Always)],
        start_timeout in millis(),
        cpus in option::of(0.1_f64..64.0),
    ) -> Service {
        Service {
            description,
            run: ModeSpec { mode: ModeName::new(mode), spec: json!({ "command": command }) },
            auto_start,
            order,
            replicas,
            ports: ports.into_iter().map(|(name, port)| (name.into(), port)).collect(),
            env: env.into_iter().collect(),
            depends_on,
            readiness,
            start_timeout,
            restart: Restart { policy: when, ..Restart::default() },
            resources: Resources { cpus, ..Resources::default() },
            ..Service::default()
        }
    }
}

proptest! {
    #[test]
    fn any_stack_survives_the_wire(services in vec((name(), service()), 0..4)) {
        let stack = Stack {
            version: MODEL_VERSION,
            name: "shop".into(),
            file: "/shop/gantry.toml".into(),
            dir: "/shop".into(),
            mode: None,
            vars: IndexMap::new(),
            services: services
                .into_iter()
                .map(|(name, service)| (ServiceName::new(name).unwrap(), service))
                .collect(),
            repositories: IndexMap::new(),
            kubernetes: Defaults::default(),
            render: Render::default(),
        };
        let json = serde_json::to_string(&stack).unwrap();
        prop_assert_eq!(serde_json::from_str::<Stack>(&json).unwrap(), stack);
    }
}
