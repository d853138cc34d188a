use super::*;

#[test]
fn every_reference_of_the_schema_leads_somewhere() {
    let schema = schema();
    let definitions = schema["$defs"].as_object().unwrap();
    let text = schema.to_string();
    for reference in text.split("\"$ref\":\"#/$defs/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(definitions.contains_key(name), "{name}");
    }
    // The names are the keys of the definitions, so they must not clash.
    assert_eq!(walk(&STACK).len() + 1, definitions.len());
}

#[test]
fn defaults_and_shapes_are_values() {
    let schema = schema();
    let service = &schema["$defs"]["service"]["properties"];
    assert_eq!(service["auto-start"]["default"], json!(true));
    assert_eq!(service["start-timeout"]["default"], json!("60s"));
    for element in walk(&STACK) {
        for field in element.fields {
            if let Need::Default(toml) = field.need {
                assert!(toml_value(toml).is_some(), "{} {}", element.name, field.key);
            }
        }
    }
}
