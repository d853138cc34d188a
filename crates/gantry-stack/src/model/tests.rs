use super::*;

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
