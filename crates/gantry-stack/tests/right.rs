//! The example of the design, in both formats, is the same model.

use camino::Utf8Path;
use gantry_stack::{LoadOptions, load};
use serde_json::Value;

fn model(file: &str, profiles: &[&str]) -> Value {
    let folder = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/right");
    let loaded = load(&LoadOptions {
        files: vec![file.into()],
        folder: folder.clone(),
        profiles: profiles.iter().map(|name| (*name).to_owned()).collect(),
        ..LoadOptions::default()
    })
    .unwrap_or_else(|report| panic!("{report}"));
    assert!(
        loaded.warnings.diagnostics.is_empty(),
        "{}",
        loaded.warnings
    );
    let json = serde_json::to_string(&loaded.stack).unwrap();
    let json = json.replace(folder.as_str(), "…").replace(file, "shop");
    serde_json::from_str(&json).unwrap()
}

/// Takes the places out, in which the two formats differ.
fn without_places(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.shift_remove("origin");
            map.values_mut().for_each(without_places);
        }
        Value::Array(items) => items.iter_mut().for_each(without_places),
        _ => {}
    }
}

#[test]
fn both_formats_give_the_same_model() {
    let mut toml = model("shop.toml", &["web"]);
    let mut yaml = model("shop.yaml", &["web"]);
    without_places(&mut toml);
    without_places(&mut yaml);
    assert_eq!(
        serde_json::to_string_pretty(&toml).unwrap(),
        serde_json::to_string_pretty(&yaml).unwrap()
    );
    insta::with_settings!({ snapshot_path => "right", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("shop", serde_json::to_string_pretty(&toml).unwrap());
    });
}

#[test]
fn without_the_profile_its_services_are_out() {
    let model = model("shop.toml", &[]);
    let services = model["services"].as_object().unwrap();
    let names: Vec<&str> = services.keys().map(String::as_str).collect();
    assert_eq!(names, ["legacy-db", "db", "migrate"]);
}

#[test]
fn every_example_is_right() {
    let examples = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut count = 0;
    for entry in examples.read_dir_utf8().unwrap() {
        let file = entry.unwrap().path().join("gantry.toml");
        if !file.is_file() {
            continue;
        }
        count += 1;
        let loaded = load(&LoadOptions {
            files: vec![file],
            folder: examples.clone(),
            environment: vec![
                ("HOME".into(), "/home/ada".into()),
                ("USER".into(), "ada".into()),
            ],
            ..LoadOptions::default()
        })
        .unwrap_or_else(|report| panic!("{report}"));
        assert!(
            loaded.warnings.diagnostics.is_empty(),
            "{}",
            loaded.warnings
        );
    }
    assert!(count >= 2);
}
