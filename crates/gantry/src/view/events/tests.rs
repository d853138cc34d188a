use jiff::Timestamp;

use super::*;

fn event(second: i64, kind: EventKind) -> Event {
    let at = Timestamp::from_second(second).expect("a time");
    Event::new(kind, at, "")
}

fn seconds(events: &[Event]) -> Vec<i64> {
    events.iter().map(|event| event.at.as_second()).collect()
}

#[test]
fn what_backends_told_late_stands_where_it_happened() {
    let mut events = vec![
        event(1, EventKind::Transition),
        event(5, EventKind::Transition),
        event(3, EventKind::Backend),
        event(2, EventKind::Backend),
        event(6, EventKind::Backend),
        event(6, EventKind::Transition),
    ];
    in_order(&mut events, |event| event);
    assert_eq!(seconds(&events), [1, 2, 3, 5, 6, 6]);
    assert_eq!(events[4].kind, EventKind::Backend);
}

#[test]
fn a_clock_that_was_set_back_moves_nothing_of_our_own() {
    let mut events = vec![
        event(100, EventKind::Transition),
        event(10, EventKind::SupervisorBegun),
        event(12, EventKind::Backend),
        event(11, EventKind::Transition),
    ];
    in_order(&mut events, |event| event);
    assert_eq!(seconds(&events), [100, 10, 12, 11]);
}
