//! Templates, from their text to what they become.

use gantry_render::jinja::{Dict, Template, Value};

/// Renders it with a few values.
pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let mut services = Dict::new();
    services.insert("port".into(), Value::Int(80));
    services.insert(
        "items".into(),
        Value::from(vec![Value::from("a"), Value::Bool(true)]),
    );
    let mut context = Dict::new();
    context.insert("db".into(), services.into());
    context.insert("name".into(), Value::from("x"));
    let place = |problem: gantry_render::jinja::Problem| {
        let source = Template::normal(text);
        assert!(source.get(problem.range.clone()).is_some(), "{problem:?}");
    };
    match Template::parse(text) {
        Ok(template) => {
            if let Err(problem) = template.render(&context) {
                place(problem);
            }
        }
        Err(problem) => place(problem),
    }
}
