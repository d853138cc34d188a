//! `{{ references }}` in text.

use gantry_stack::template::Template;

/// What is understood is the same after it was written as in a stack file, and as in JSON.
pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(template) = Template::parse(text) else {
        return;
    };
    // serde_json reads a number with a fraction as a neighbour of what was written.
    let has_fraction = |value: &serde_json::Value| value.is_f64();
    if template
        .references()
        .any(|one| one.default.as_ref().is_some_and(has_fraction))
    {
        return;
    }
    let written = template.to_string();
    assert_eq!(
        Template::parse(&written).as_ref(),
        Ok(&template),
        "by way of {written:?}"
    );
    let json = serde_json::to_string(&template).expect("a template is JSON");
    let read: Template = serde_json::from_str(&json).expect("what was written can be read");
    assert_eq!(read, template, "by way of {json}");
}
