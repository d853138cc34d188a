//! The descriptions and the types say the same.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::decode::Known;
use crate::diagnostic::Diagnostics;
use crate::layer::Layer;
use crate::read::{Format, read_as};
use crate::source::SourceMap;
use crate::{model, modes};

/// A right value of a kind, as TOML writes it.
fn sample(kind: &'static Kind) -> String {
    match kind {
        Kind::Bool => "true".into(),
        Kind::Integer(min, max) => 7.clamp(*min, *max).to_string(),
        Kind::Scalar(scalar) => scalar.example.into(),
        Kind::Word(words) => format!("{:?}", words.last().unwrap().0),
        Kind::Text => "\"some text\"".into(),
        Kind::Template | Kind::Secretive => "\"http://localhost:80/x\"".into(),
        Kind::Path => "\"./some/path\"".into(),
        Kind::Command => "[\"true\", \"{{ ports.http }}\"]".into(),
        Kind::List(of) | Kind::OneOrMany(of) => format!("[{}]", sample(of)),
        Kind::Map(_, of) => format!("{{ some-name = {} }}", sample(of)),
        Kind::Element(element) => table(element, None),
        Kind::Either(kinds) => sample(kinds.last().unwrap()),
        Kind::Any => "{ deep = [1, \"two\"] }".into(),
    }
}

/// A right mapping with what must be there, and with one field more.
fn table(element: &'static Element, with: Option<&'static Field>) -> String {
    let fits = |key: &&&str| {
        with.is_none_or(|with| {
            let clash = |group: &&&[&str]| group.contains(&with.key) && group.contains(*key);
            with.key == **key || !element.exclusive.iter().any(|group| clash(&group))
        })
    };
    let mut keys: Vec<&str> = Vec::new();
    for field in element.fields {
        if field.need == Need::Required {
            keys.push(field.key);
        }
    }
    for group in element.one_of {
        let there = with.is_some_and(|with| group.contains(&with.key));
        if !there {
            keys.extend(group.iter().find(fits));
        }
    }
    keys.extend(with.map(|field| field.key));
    keys.sort_unstable();
    keys.dedup();
    let entries: Vec<String> = keys
        .iter()
        .map(|key| format!("{key} = {}", sample(&element.field(key).unwrap().kind)))
        .collect();
    format!("{{ {} }}", entries.join(", "))
}

/// The model's JSON of a mapping.
fn decode(element: &'static Element, toml: &str) -> Result<Value, String> {
    let mut sources = SourceMap::new();
    let text = format!("value = {toml}\n");
    let id = sources.add_file("/stack/gantry.toml", Layer::File, text);
    let mut diagnostics = Diagnostics::new();
    let root = read_as(Format::Toml, id, &sources, &mut diagnostics);
    let node = root.at(["value"]).unwrap().clone();
    let mut decoder = Decoder::new(&sources, &mut diagnostics, Known::default());
    let value = decoder.element(element, &node);
    match value {
        Some(value) if diagnostics.is_empty() => Ok(value),
        _ => Err(format!("{toml}\n{}", diagnostics.finish(sources.into()))),
    }
}

/// The keys that a type knows, which serde tells when it is asked for another.
fn keys_of<T: DeserializeOwned>() -> BTreeSet<String> {
    let error = match serde_json::from_value::<T>(json!({ "no such key": 1 })) {
        Ok(_) => panic!("the type takes any key"),
        Err(error) => error.to_string(),
    };
    let expected = error.split("expected").nth(1).unwrap_or_default();
    expected
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// Checks one element against its type. `only_type` are keys of the model that nobody writes;
/// `only_file` those that become something else.
fn agree<T>(element: &'static Element, only_type: &[&str], only_file: &[&str])
where
    T: DeserializeOwned + serde::Serialize,
{
    let described: BTreeSet<String> = element
        .fields
        .iter()
        .map(|field| field.key.to_owned())
        .filter(|key| !only_file.contains(&key.as_str()))
        .chain(only_type.iter().map(|key| (*key).to_owned()))
        .collect();
    assert_eq!(described, keys_of::<T>(), "keys of {}", element.name);
    for field in element.fields {
        let toml = table(element, Some(field));
        let mut value = decode(element, &toml).unwrap();
        if let Some(map) = value.as_object_mut() {
            for key in only_file {
                map.shift_remove(*key);
            }
        }
        let typed: T = serde_json::from_value(value)
            .unwrap_or_else(|error| panic!("{} {toml}: {error}", element.name));
        let again = serde_json::to_value(&typed).unwrap();
        let once_more: T = serde_json::from_value(again.clone()).unwrap();
        assert_eq!(again, serde_json::to_value(&once_more).unwrap());
        if let Need::Default(default) = field.need {
            defaults_agree::<T>(element, field, default, only_file);
        }
    }
}

/// The default of the description is the default of the type.
fn defaults_agree<T>(
    element: &'static Element,
    field: &'static Field,
    default: &str,
    only_file: &[&str],
) where
    T: DeserializeOwned + serde::Serialize,
{
    if only_file.contains(&field.key) {
        return;
    }
    let base = table(element, None);
    let comma = if base.len() > 4 { "," } else { "" };
    let with = format!(
        "{}{comma} {} = {default} }}",
        base.trim_end_matches(" }"),
        field.key
    );
    let typed = |toml: &str| {
        let mut value = decode(element, toml).unwrap();
        if let Some(map) = value.as_object_mut() {
            map.shift_remove("origin");
        }
        let typed: T = serde_json::from_value(value).unwrap();
        serde_json::to_value(&typed).unwrap()
    };
    assert_eq!(
        typed(&base),
        typed(&with),
        "default of {} in {}",
        field.key,
        element.name
    );
}

#[test]
fn every_field_is_decoded_and_every_key_of_the_model_is_described() {
    let modes: Vec<&str> = mode::ALL.iter().map(|mode| mode.name).collect();
    let only_file = [modes.as_slice(), &["mode", "env-files"]].concat();
    agree::<model::Service>(&SERVICE, &["run", "modes", "origin"], &only_file);
    agree::<model::Restart>(&RESTART, &[], &[]);
    agree::<model::Stop>(&STOP, &[], &[]);
    agree::<model::Reload>(&RELOAD, &[], &[]);
    agree::<model::Hooks>(&HOOKS, &[], &[]);
    agree::<model::HookCommand>(&HOOK, &[], &[]);
    agree::<model::Logs>(&LOGS, &[], &[]);
    agree::<model::Resources>(&RESOURCES, &[], &[]);
    agree::<model::DependsOn>(&DEPENDENCY, &["child", "implied", "origin"], &[]);
    agree::<model::Forward>(&FORWARD, &["origin"], &[]);
    agree::<model::Repository>(&REPOSITORY, &[], &[]);
    agree::<model::Defaults>(&KUBERNETES_DEFAULTS, &[], &[]);
    agree::<model::Render>(&RENDER, &[], &[]);
    agree::<model::HttpCheck>(&HTTP, &[], &[]);
    agree::<model::TlsCheck>(&TLS, &[], &[]);
    agree::<model::FileCheck>(&FILE, &[], &[]);
    agree::<model::GrpcCheck>(&GRPC, &[], &[]);
}

#[test]
fn every_kind_of_probe_and_conflict_is_one_of_the_model() {
    for field in PROBE.fields {
        let value = decode(&PROBE, &table(&PROBE, Some(field))).unwrap();
        let probe: model::Probe = serde_json::from_value(value).unwrap();
        if PROBE.one_of[0].contains(&field.key) {
            assert_eq!(probe.check.name(), field.key);
        }
    }
    for field in CONFLICT.fields {
        let value = decode(&CONFLICT, &table(&CONFLICT, Some(field))).unwrap();
        serde_json::from_value::<model::Conflict>(value).unwrap();
    }
}

/// A specification of a mode whose references stand for texts.
fn resolved(value: &Value) -> Value {
    struct Texts;
    impl crate::template::Resolver for Texts {
        fn reference(
            &self,
            _: &crate::template::Reference,
        ) -> Result<Option<Value>, crate::template::ResolveError> {
            Ok(Some(json!(8080)))
        }
        fn secret(
            &self,
            _: &crate::template::Secret,
        ) -> Result<String, crate::template::ResolveError> {
            Ok("secret".into())
        }
    }
    crate::template::resolve_value(value.clone(), &Texts).unwrap()
}

fn mode_agrees<T: DeserializeOwned>(element: &'static Element, only_file: &[&str]) {
    let described: BTreeSet<String> = element
        .fields
        .iter()
        .map(|field| field.key.to_owned())
        .filter(|key| !only_file.contains(&key.as_str()))
        .collect();
    assert_eq!(described, keys_of::<T>(), "keys of {}", element.name);
    for field in element.fields {
        let toml = table(element, Some(field));
        let value = decode(element, &toml).unwrap();
        if let Err(error) = serde_json::from_value::<T>(resolved(&value)) {
            panic!("{} {toml}: {error}", element.name);
        }
    }
}

#[test]
fn every_key_of_a_mode_reaches_its_driver() {
    mode_agrees::<modes::process::ProcessSpec>(&mode::PROCESS, &["shell"]);
    mode_agrees::<modes::remote::RemoteSpec>(&mode::REMOTE, &[]);
}

#[test]
fn keys_are_described_in_sentences() {
    for element in walk(&STACK) {
        let mut keys = BTreeSet::new();
        assert!(element.doc.ends_with('.'), "{}", element.name);
        for field in element.fields {
            assert!(keys.insert(field.key), "{} twice", field.key);
            assert!(field.doc.ends_with('.'), "{} {}", element.name, field.key);
            assert!(!field.doc.contains('\n'), "{} {}", element.name, field.key);
        }
        for key in element
            .exclusive
            .iter()
            .chain(element.one_of)
            .copied()
            .flatten()
        {
            assert!(element.field(key).is_some(), "{} {key}", element.name);
        }
    }
}
