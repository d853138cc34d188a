//! Lengths of time and points in time, as people type them.

use super::*;

#[test]
fn limits() {
    let milliseconds = |text: &str| text.parse::<Limit>().map(|limit| limit.0.as_millis());
    assert_eq!(milliseconds("400ms"), Ok(400));
    assert_eq!(milliseconds("90s"), Ok(90_000));
    assert_eq!(milliseconds("1m30s"), Ok(90_000));
    assert_eq!(milliseconds("2m"), Ok(120_000));
    assert_eq!(milliseconds("5"), Ok(5_000));
    for wrong in ["", "soon", "-5s", "5 parsecs", "1y"] {
        assert!(milliseconds(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn moments() {
    let moment = |text: &str| text.parse::<Moment>().map(|moment| moment.0);
    let exact: Timestamp = "2026-11-21T10:00:00Z".parse().expect("a time");
    assert_eq!(moment("2026-11-21T10:00:00Z"), Ok(exact));
    let ago = moment("10m").map(|moment| Timestamp::now().duration_since(moment).as_secs());
    assert!(ago.is_ok_and(|ago| (600..605).contains(&ago)));
    assert!(moment("14:30").is_ok());
    assert!(moment("2026-11-21T10:00:00").is_ok());
    assert!(moment("yesterday-ish").is_err());
}

#[test]
fn a_seat_is_a_service_or_an_instance_of_it() {
    let seat = |text: &str| {
        text.parse::<Seat>()
            .map(|seat| (seat.service, seat.instance))
    };
    assert_eq!(seat("api"), Ok(("api".into(), None)));
    assert_eq!(seat("api/2"), Ok(("api".into(), Some(2))));
    for wrong in ["", "/1", "api/", "api/0", "api/x", "api/2/3"] {
        assert!(
            seat(wrong).unwrap_err().contains("names no instance"),
            "{wrong}"
        );
    }
    let among = |text: &str, known: &[&str]| {
        let seat = text.parse::<Seat>().unwrap().among(known);
        (seat.service, seat.instance)
    };
    assert_eq!(among("api.2", &["api"]), ("api".into(), Some(2)));
    assert_eq!(among("api.2", &["api", "api.2"]), ("api.2".into(), None));
    assert_eq!(among("app.2", &["api"]), ("app.2".into(), None));
}
