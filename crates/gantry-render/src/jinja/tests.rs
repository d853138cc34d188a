use super::*;

fn render(template: &str) -> Result<String, Problem> {
    let mut services = Dict::new();
    services.insert("port".into(), Value::Int(8088));
    services.insert("key".into(), Value::Refused("KEY is not set".into()));
    services.insert("nothing".into(), Value::None);
    let mut context = Dict::new();
    context.insert("db".into(), services.into());
    Template::parse(template)?.render(&context)
}

fn problem(template: &str) -> (ProblemKind, String, String) {
    let problem = render(template).expect_err(template);
    let source = Template::normal(template);
    let place = source[problem.range.clone()].to_owned();
    (problem.kind, problem.message, place)
}

#[test]
fn a_missing_value_is_named_with_its_place() {
    let (kind, message, place) = problem("a: {{ db.port }}\nb: {{ db.host }}\n");
    assert_eq!(kind, ProblemKind::Missing);
    assert_eq!(message, "`db.host` is not there");
    assert_eq!(place, "db.host");
    let (_, message, _) = problem("{{ cache.port }}");
    assert_eq!(message, "`cache` is not there");
}

#[test]
fn none_is_nothing_that_is_printed() {
    let (kind, _, place) = problem("{{ db.nothing }}");
    assert_eq!((kind, place.as_str()), (ProblemKind::Missing, "db.nothing"));
    assert_eq!(problem("{{ 'a' ~ db.nothing }}").0, ProblemKind::Missing);
    assert_eq!(
        problem("{{ [1, db.nothing] | join }}").0,
        ProblemKind::Missing
    );
    assert_eq!(render("{{ db.nothing is none }}").as_deref(), Ok("True"));
}

#[test]
fn a_refused_value_says_why_however_it_is_used() {
    for template in [
        "{{ db.key }}",
        "{{ db.key | default('x') }}",
        "{% if db.key %}x{% endif %}",
        "{{ db.key == 'x' }}",
        "{{ db.key is defined }}",
        "{{ db | tojson }}",
        "{{ db }}",
        "{{ 'a' in [db.key] }}",
        "{{ db.values() | join }}",
    ] {
        let (kind, message, _) = problem(template);
        assert_eq!(
            (kind, message.as_str()),
            (ProblemKind::Refused, "KEY is not set"),
            "{template}"
        );
    }
    assert_eq!(
        render("{% if no is defined %}{{ db.key }}{% endif %}ok").as_deref(),
        Ok("ok")
    );
}

#[test]
fn lines_end_the_same_way_and_the_last_end_goes() {
    assert_eq!(render("a\r\nb\rc\n").as_deref(), Ok("a\nb\nc"));
    assert_eq!(render("a\n\n").as_deref(), Ok("a\n"));
}

#[test]
fn what_jinja2_has_and_gantry_has_not_is_an_error() {
    for template in [
        "{% include 'x' %}",
        "{% macro x() %}{% endmacro %}",
        "{% extends 'x' %}",
        "{{ 'x' | wordwrap }}",
        "{{ '%s' % 1 }}",
        "{{ db.items }}",
        "{{ 1 | tojson | length }}",
        "{{ 'é' | upper }}",
        "{% for x in y recursive %}{% endfor %}",
    ] {
        assert_eq!(problem(template).0, ProblemKind::Unsupported, "{template}");
    }
}

#[test]
fn nothing_goes_on_for_ever() {
    for template in [
        "{% for a in range(90000) %}{% for b in range(90000) %}x{% endfor %}{% endfor %}"
            .to_owned(),
        "{{ 'x' * 1000000000 }}".to_owned(),
        "{{ ".to_owned() + &"(".repeat(5000) + "1" + &")".repeat(5000) + " }}",
        "{% if 1 %}".repeat(5000),
        "{{ ".to_owned() + &"not ".repeat(5000) + "1 }}",
        "{{ ".to_owned() + &"- ".repeat(5000) + "1 }}",
        "{{ 1".to_owned() + &" + 1".repeat(2000) + " }}",
        "{{ 1".to_owned() + &" | int".repeat(2000) + " }}",
        "{{ a".to_owned() + &".a".repeat(2000) + " }}",
        "{{ a".to_owned() + &" or a".repeat(2000) + " }}",
    ] {
        assert_eq!(problem(&template).0, ProblemKind::Unsupported);
    }
    for (part, count) in [(" + 1", 100), (" ~ 1", 2000)] {
        assert!(render(&format!("{{{{ 1{} }}}}", part.repeat(count))).is_ok());
    }
}

mod any {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_is_never_a_panic(text in ".{0,200}") {
            let _ = super::render(&text);
        }

        #[test]
        fn pieces_are_never_a_panic(pieces in proptest::collection::vec(
            prop_oneof![
                Just("{{"), Just("}}"), Just("{%"), Just("%}"), Just("{#"), Just("#}"), Just("-"), Just("if "), Just("for x in "),
                Just("db"), Just("."), Just("port"), Just("|"), Just("default"), Just("("), Just(")"), Just("["), Just("]"),
                Just("'"), Just("\\"), Just("1"), Just(":"), Just(","), Just("endif"), Just("endfor"), Just("raw"), Just("endraw"),
                Just(" "), Just("\n"), Just("é"), Just("is "), Just("not "), Just("set x = "), Just("~"), Just("{"), Just("}"),
            ],
            0..40,
        )) {
            let _ = super::render(&pieces.concat());
        }

        #[test]
        fn text_without_tags_stays(text in "[a-z \n${}]{0,80}[a-z]") {
            prop_assume!(!text.contains("{{") && !text.contains("{%") && !text.contains("{#"));
            let rendered = super::render(&text);
            prop_assert_eq!(rendered.as_deref(), Ok(text.as_str()));
        }
    }
}
