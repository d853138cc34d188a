use gantry_api::{Event, EventKind, OperationKind, State};
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::style::Palette;
use crate::timeline::Wanted;

fn event(at: i64, service: &str, to: State) -> Event {
    Event {
        service: Some(service.to_owned()),
        to: Some(to),
        ready: Some(to == State::Running),
        operation: Some(7),
        ..new(at, EventKind::Transition)
    }
}

fn new(at: i64, kind: EventKind) -> Event {
    let base: Timestamp = "2026-11-21T10:00:00Z".parse().expect("a time");
    Event::new(kind, base + SignedDuration::from_millis(at), "")
}

fn waits(at: i64, service: &str, awaited: &[(&str, &str)]) -> Event {
    let awaited = awaited.iter().map(|(service, condition)| Awaited {
        service: (*service).to_owned(),
        part: None,
        condition: (*condition).to_owned(),
    });
    Event {
        waits_for: awaited.collect(),
        ..event(at, service, State::Waiting)
    }
}

fn told(at: i64, service: &str, child: &str, text: &str) -> Event {
    let mut event = new(at, EventKind::Backend);
    event.service = Some(service.to_owned());
    event.child = Some(child.to_owned());
    text.clone_into(&mut event.message);
    event
}

/// A shop of which one service crashed once, one failed, and one is blocked by that.
fn shop() -> TimelineView {
    let mut begin = new(0, EventKind::OperationBegun);
    begin.operation = Some(7);
    begin.operation_kind = Some(OperationKind::Up);
    begin.message = "up".to_owned();
    let mut end = new(1_450, EventKind::OperationEnded);
    end.operation = Some(7);
    end.result = Some(ResultWord::Failed);
    let mut failed = event(900, "mailer", State::Failed);
    failed.message = "ended with exit code 7: <no & \"such\" host>".to_owned();
    let mut blocked = event(900, "campaigns", State::Blocked);
    blocked.message = "mailer has failed".to_owned();
    let events = [
        begin,
        waits(20, "gateway", &[("worker", "ready"), ("api", "ready")]),
        waits(20, "api", &[("migrate", "completed"), ("store", "ready")]),
        waits(20, "worker", &[("store", "ready")]),
        waits(20, "migrate", &[("store", "ready")]),
        waits(20, "campaigns", &[("mailer", "ready")]),
        event(20, "store", State::Starting),
        event(25, "mailer", State::Starting),
        told(
            40,
            "store",
            "pod/store-0",
            "Scheduled: Successfully assigned shop/store-0 to one",
        ),
        told(
            310,
            "store",
            "pod/store-0",
            "Started: Started container store",
        ),
        event(420, "store", State::Running),
        event(422, "worker", State::Starting),
        event(422, "migrate", State::Starting),
        event(500, "worker", State::Backoff),
        event(700, "worker", State::Starting),
        event(760, "worker", State::Running),
        failed,
        blocked,
        event(940, "migrate", State::Completed),
        event(941, "api", State::Starting),
        event(1_200, "api", State::Running),
        event(1_202, "gateway", State::Starting),
        event(1_400, "gateway", State::Running),
        end,
    ];
    let timeline = Timeline::of(&events, &Wanted::default()).expect("a start");
    TimelineView { timeline }
}

fn drawn(width: Option<usize>, colour: bool) -> String {
    let page = Page { width, wide: false };
    let mut text = String::new();
    for line in shop().lines(page) {
        line.write(Palette { colour }, &mut text);
        text.push('\n');
    }
    // The zone is that of the machine.
    let clock = regex::Regex::new(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d").expect("a pattern");
    clock.replace(&text, "[CLOCK]").into_owned()
}

#[test]
fn without_a_terminal() {
    insta::assert_snapshot!(drawn(None, false));
}

#[test]
fn on_a_narrow_terminal() {
    let text = drawn(Some(80), false);
    let widest = text.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(80), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn on_a_wide_terminal_with_colours() {
    insta::assert_snapshot!(drawn(Some(160), true));
}

#[test]
fn for_programs() {
    let Data::Value(value) = shop().data() else {
        panic!("it is a value");
    };
    insta::assert_json_snapshot!(value);
}

#[test]
fn as_a_picture() {
    let clock = regex::Regex::new(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d").expect("a pattern");
    let text = svg::draw(&shop().timeline);
    insta::assert_snapshot!(clock.replace(&text, "[CLOCK]"));
}

#[test]
fn steps_of_the_axis_are_round() {
    let words = [0, 3, 40, 120, 7_000, 45_000, 61_000, 5_000_000]
        .map(|least| humane::wait(bar::step(Duration::from_millis(least))));
    let expected = [
        "1ms", "5ms", "50ms", "200ms", "10.0s", "50.0s", "2m 0s", "2h 0m",
    ];
    assert_eq!(words, expected);
}

#[test]
fn nothing_that_was_drawn_is_out_of_its_place() {
    for (columns, length) in [(16, 0), (16, 1), (50, 3), (100, 86_400_000_000)] {
        let bars = Bars {
            columns,
            length: Duration::from_micros(length),
        };
        assert!(bars.axis().len() <= columns, "{:?}", bars.axis());
        for row in &shop().timeline.rows {
            assert_eq!(bars.draw(row).width(), columns);
        }
    }
}
