use super::unset;

#[test]
fn variables_without_a_value_are_found_in_what_compose_says() {
    let said = r#"time="2026-11-28T09:36:24Z" level=warning msg="The \"WHAT\" variable is not set. Defaulting to a blank string."
time="2026-11-28T09:36:24Z" level=warning msg="/x/compose.yaml: `version` is obsolete"
WARN[0000] The "A_1" variable is not set. Defaulting to a blank string.
time="2026-11-28T09:36:24Z" level=warning msg="The \"WHAT\" variable is not set. Defaulting to a blank string."
"#;
    assert_eq!(unset(said), ["A_1", "WHAT"]);
    assert_eq!(unset(""), [""; 0]);
}
