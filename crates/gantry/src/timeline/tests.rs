use gantry_api::{Awaited, EventKind, OperationKind, ResultWord, State};
use jiff::SignedDuration;

use super::*;

/// Events by hand: times are milliseconds from the beginning.
#[derive(Default)]
struct Log(Vec<Event>);

impl Log {
    fn put(mut self, at: i64, kind: EventKind, change: impl FnOnce(&mut Event)) -> Self {
        let base: Timestamp = "2026-11-21T10:00:00Z".parse().expect("a time");
        let mut event = Event::new(kind, base + SignedDuration::from_millis(at), "");
        event.sequence = self.0.len() as u64 + 1;
        change(&mut event);
        self.0.push(event);
        self
    }

    fn begins(self, at: i64, operation: u64, kind: OperationKind) -> Self {
        self.put(at, EventKind::OperationBegun, |event| {
            event.operation = Some(operation);
            event.operation_kind = Some(kind);
            event.message = kind.as_str().to_owned();
        })
    }

    fn up(self, at: i64, operation: u64) -> Self {
        self.begins(at, operation, OperationKind::Up)
    }

    fn ends(self, at: i64, operation: u64, result: ResultWord) -> Self {
        self.put(at, EventKind::OperationEnded, |event| {
            event.operation = Some(operation);
            event.operation_kind = Some(OperationKind::Up);
            event.result = Some(result);
        })
    }

    fn done(self, at: i64) -> Self {
        self.ends(at, 1, ResultWord::Done)
    }

    fn to(self, at: i64, operation: u64, service: &str, to: State) -> Self {
        let mut before = self.0.iter().rev();
        let before = before.find(|event| event.service.as_deref() == Some(service));
        let from = before.and_then(|event| event.to).unwrap_or_default();
        self.put(at, EventKind::Transition, |event| {
            event.service = Some(service.to_owned());
            event.from = Some(from);
            event.to = Some(to);
            event.ready = Some(to == State::Running);
            event.operation = Some(operation);
        })
    }

    /// `api` waits for `db` and `job:completed`.
    fn waits(self, at: i64, service: &str, awaited: &[&str]) -> Self {
        let mut log = self.to(at, 1, service, State::Waiting);
        let event = log.0.last_mut().expect("an event");
        event.waits_for = awaited.iter().map(|one| awaited_of(one)).collect();
        log
    }

    fn starts(self, at: i64, service: &str) -> Self {
        self.to(at, 1, service, State::Starting)
    }

    fn ready(self, at: i64, service: &str) -> Self {
        self.to(at, 1, service, State::Running)
    }

    fn told(self, at: i64, service: &str, text: &str) -> Self {
        self.put(at, EventKind::Backend, |event| {
            event.service = Some(service.to_owned());
            event.child = Some("part".to_owned());
            text.clone_into(&mut event.message);
        })
    }

    fn supervisor(self, at: i64) -> Self {
        self.put(at, EventKind::SupervisorBegun, |_| {})
    }

    fn of(&self, services: &[&str]) -> Result<Timeline, NotFound> {
        let services: Vec<String> = services.iter().map(ToString::to_string).collect();
        let wanted = Wanted {
            services: &services,
            ..Wanted::default()
        };
        Timeline::of(&self.0, &wanted)
    }

    fn all(&self) -> Timeline {
        self.of(&[]).expect("a start")
    }
}

fn awaited_of(text: &str) -> Awaited {
    let (name, condition) = text.split_once(':').unwrap_or((text, "ready"));
    let (service, part) = match name.split_once('/') {
        Some((service, part)) => (service, Some(part.to_owned())),
        None => (name, None),
    };
    Awaited {
        service: service.to_owned(),
        part,
        condition: condition.to_owned(),
    }
}

/// `api 88` for each link, the last service first.
fn chain(timeline: &Timeline) -> Vec<String> {
    let links = timeline.chain.iter();
    links
        .map(|link| format!("{} {}", link.service, link.own().as_millis()))
        .collect()
}

fn names(timeline: &Timeline) -> Vec<&str> {
    timeline.rows.iter().map(|row| &*row.name).collect()
}

fn row<'a>(timeline: &'a Timeline, name: &str) -> &'a Row {
    let mut rows = timeline.rows.iter();
    rows.find(|row| row.name == name).expect("a row")
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A store, a job after it, then an API and a worker, and a gateway after both.
fn shop() -> Log {
    Log::default()
        .up(0, 1)
        .waits(5, "gateway", &["api", "worker"])
        .waits(5, "api", &["migrate:completed"])
        .waits(5, "worker", &["store"])
        .waits(5, "migrate", &["store"])
        .starts(5, "store")
        .ready(60, "store")
        .starts(60, "worker")
        .starts(61, "migrate")
        .ready(80, "worker")
        .to(100, 1, "migrate", State::Completed)
        .starts(102, "api")
        .ready(190, "api")
        .starts(190, "gateway")
        .ready(241, "gateway")
        .done(269)
}

#[test]
fn the_chain_goes_from_the_last_one_to_who_waited_for_nothing() {
    let timeline = shop().all();
    assert_eq!(
        chain(&timeline),
        ["gateway 51", "api 88", "migrate 39", "store 55"]
    );
    assert_eq!(timeline.critical(), ms(241));
    assert_eq!(timeline.between(), ms(8));
    assert_eq!(timeline.length, ms(241));
    assert_eq!(timeline.end, End::Ended(ResultWord::Done, ms(269)));
    assert_eq!(
        names(&timeline),
        ["store", "worker", "migrate", "api", "gateway"]
    );
    let gateway = row(&timeline, "gateway");
    assert_eq!(gateway.released_by.as_deref(), Some("api"));
    assert_eq!(gateway.waited(timeline.length), ms(185));
    assert_eq!(gateway.own(), Some(ms(51)));
    assert!(!row(&timeline, "worker").critical);
    assert_eq!(row(&timeline, "migrate").outcome(), "completed");
}

#[test]
fn named_ones_are_shown_with_who_held_them_up() {
    let timeline = shop().of(&["worker"]).expect("a start");
    assert_eq!(chain(&timeline), ["worker 20", "store 55"]);
    assert_eq!(names(&timeline), ["store", "worker"]);
    assert_eq!(
        shop().of(&["nobody"]),
        Err(NotFound::StartOf(vec!["nobody".to_owned()]))
    );
}

#[test]
fn it_is_the_last_operation_in_which_something_had_to_start() {
    let log = shop()
        .begins(1_000, 20, OperationKind::Restart)
        .to(1_000, 20, "worker", State::Stopping)
        .to(1_010, 20, "worker", State::Stopped)
        .to(1_010, 20, "worker", State::Starting)
        .to(1_030, 20, "worker", State::Running)
        .ends(1_031, 20, ResultWord::Done)
        .up(2_000, 30)
        .ends(2_001, 30, ResultWord::Done)
        .begins(3_000, 40, OperationKind::Down)
        .to(3_000, 40, "worker", State::Stopping)
        .to(3_001, 40, "worker", State::Stopped)
        .ends(3_002, 40, ResultWord::Done);
    let timeline = log.all();
    assert_eq!((timeline.operation, names(&timeline)), (20, vec!["worker"]));
    // Its stop is not part of how long it took to start.
    assert_eq!(chain(&timeline), ["worker 20"]);
    assert_eq!(timeline.between(), ms(10));
    assert_eq!(log.of(&["api"]).expect("a start").operation, 1);
    let both = ["api".to_owned(), "worker".to_owned()];
    let wanted = Wanted {
        services: &both,
        ..Wanted::default()
    };
    let timeline = Timeline::of(&log.0, &wanted).expect("a start");
    assert_eq!(
        (timeline.operation, timeline.absent),
        (20, vec!["api".to_owned()])
    );
    let of = |operation| {
        let wanted = Wanted {
            operation: Some(operation),
            ..Wanted::default()
        };
        Timeline::of(&log.0, &wanted)
    };
    assert_eq!(of(1).expect("a start").rows.len(), 5);
    let known = vec![20, 1];
    assert_eq!(of(30), Err(NotFound::Operation { number: 30, known }));
}

#[test]
fn a_crash_during_the_start_is_a_restart_and_releases_whom_it_released() {
    let timeline = Log::default()
        .up(0, 1)
        .waits(0, "api", &["db"])
        .starts(0, "db")
        .ready(20, "db")
        .starts(20, "api")
        .to(25, 1, "db", State::Backoff)
        .starts(50, "db")
        .ready(70, "db")
        .ready(90, "api")
        .done(100)
        .all();
    let db = row(&timeline, "db");
    assert_eq!(
        (db.restarts, db.started, db.reached),
        (1, Some(ms(0)), Some(ms(70)))
    );
    let kinds: Vec<_> = db.phases.iter().map(|phase| phase.kind).collect();
    let expected = [
        PhaseKind::Starting,
        PhaseKind::Ready,
        PhaseKind::Backoff,
        PhaseKind::Starting,
        PhaseKind::Ready,
    ];
    assert_eq!(kinds, expected);
    assert_eq!(chain(&timeline), ["api 70", "db 20"]);
}

#[test]
fn one_that_failed_blocks_others_and_is_in_no_chain() {
    let mut log = Log::default()
        .up(0, 1)
        .waits(1, "api", &["db"])
        .starts(1, "db")
        .starts(1, "cache")
        .ready(4, "cache")
        .to(30, 1, "db", State::Failed)
        .to(30, 1, "api", State::Blocked)
        .ends(31, 1, ResultWord::Failed);
    log.0[5].message = "exit code 7".to_owned();
    let timeline = log.all();
    let db = row(&timeline, "db");
    assert_eq!((db.outcome(), &*db.message), ("failed", "exit code 7"));
    assert_eq!(
        (db.reached, db.ended, db.own()),
        (None, Some(ms(30)), Some(ms(29)))
    );
    let api = row(&timeline, "api");
    assert_eq!(
        (api.outcome(), api.started, api.own()),
        ("blocked", None, None)
    );
    assert_eq!(api.waited_for, [awaited_of("db")]);
    assert_eq!(api.waited(timeline.length), ms(29));
    assert_eq!(chain(&timeline), ["cache 3"]);
    assert_eq!(names(&timeline).last(), Some(&"api"));
}

#[test]
fn what_runs_already_has_no_line_and_is_waited_for_by_nobody() {
    let timeline = Log::default()
        .up(0, 1)
        .starts(3, "api")
        .ready(10, "api")
        .done(100)
        .all();
    assert_eq!(names(&timeline), ["api"]);
    assert_eq!(chain(&timeline), ["api 7"]);
    assert!(timeline.rows[0].waited_for.is_empty());
}

#[test]
fn what_another_operation_starts_is_shown_if_it_is_waited_for() {
    let timeline = Log::default()
        .begins(-50, 7, OperationKind::Start)
        .to(-50, 7, "db", State::Starting)
        .to(-50, 7, "other", State::Starting)
        .up(0, 8)
        .to(1, 8, "idle", State::Starting)
        .to(2, 8, "idle", State::Running)
        .put(2, EventKind::Transition, |event| {
            event.service = Some("api".to_owned());
            event.to = Some(State::Waiting);
            event.operation = Some(8);
            event.waits_for = vec![awaited_of("db")];
        })
        .to(40, 7, "other", State::Running)
        .to(60, 7, "db", State::Running)
        .ends(60, 7, ResultWord::Done)
        .to(61, 8, "api", State::Starting)
        .to(90, 8, "api", State::Running)
        .ends(101, 8, ResultWord::Done)
        .all();
    assert_eq!(timeline.operation, 8);
    assert_eq!(names(&timeline), ["db", "idle", "api"]);
    // Its start was before this operation, and counts from its beginning.
    assert_eq!(chain(&timeline), ["api 29", "db 60"]);
    assert_eq!(timeline.between(), ms(1));
}

#[test]
fn an_operation_may_join_a_start_that_is_under_way() {
    let timeline = Log::default()
        .up(0, 1)
        .starts(1, "db")
        .waits(1, "api", &["db"])
        .done(2)
        .up(100, 5)
        .to(400, 5, "db", State::Running)
        .to(401, 5, "api", State::Starting)
        .to(450, 5, "api", State::Running)
        .ends(500, 5, ResultWord::Done)
        .all();
    assert_eq!(timeline.operation, 5);
    assert_eq!(chain(&timeline), ["api 49", "db 300"]);
    assert_eq!(row(&timeline, "api").waited(timeline.length), ms(301));
}

#[test]
fn a_crash_after_an_operation_that_did_nothing_is_no_start() {
    let log = shop()
        .up(1_000, 30)
        .ends(1_001, 30, ResultWord::Done)
        .to(5_000, 30, "api", State::Backoff)
        .to(5_100, 30, "api", State::Starting)
        .to(5_200, 30, "api", State::Running);
    let timeline = log.all();
    assert_eq!((timeline.operation, timeline.length), (1, ms(241)));
    assert_eq!(
        row(&timeline, "api").phases,
        row(&shop().all(), "api").phases
    );
}

#[test]
fn parts_conflicts_and_starts_may_be_waited_for() {
    let timeline = Log::default()
        .up(0, 1)
        .waits(0, "web", &["shop/db"])
        .waits(0, "green", &["blue:stopped"])
        .waits(0, "tail", &["shop:started"])
        .to(0, 1, "blue", State::Stopping)
        .starts(1, "shop")
        .starts(2, "tail")
        .to(30, 1, "blue", State::Stopped)
        .starts(31, "green")
        .starts(50, "web")
        .ready(90, "web")
        .ready(95, "shop")
        .ready(96, "green")
        .ready(97, "tail")
        .done(100)
        .all();
    let by = |name| row(&timeline, name).released_by.clone();
    assert_eq!(by("web").as_deref(), Some("shop"));
    assert_eq!(by("green").as_deref(), Some("blue"));
    assert_eq!(by("tail").as_deref(), Some("shop"));
    assert_eq!(chain(&timeline), ["tail 95", "shop 0"]);
    assert_eq!(row(&timeline, "blue").outcome(), "stopped");
}

#[test]
fn who_is_not_waited_for_is_followed_until_it_has_got_there() {
    let log = Log::default()
        .up(0, 1)
        .starts(1, "slow")
        .waits(1, "api", &["slow"])
        .starts(1, "stuck")
        .ends(2, 1, ResultWord::Done)
        .ready(500, "slow")
        .starts(501, "api")
        .ready(600, "api")
        .to(9_000, 1, "api", State::Backoff)
        .begins(50_000, 9, OperationKind::Down)
        .to(50_000, 9, "stuck", State::Stopping)
        .to(50_001, 9, "stuck", State::Stopped);
    let timeline = log.all();
    assert_eq!(chain(&timeline), ["api 99", "slow 499"]);
    assert_eq!(row(&timeline, "api").outcome(), "ready");
    assert_eq!(row(&timeline, "stuck").outcome(), "starting");
    assert_eq!(timeline.length, ms(600));
}

#[test]
fn time_that_was_over_is_part_of_the_chart() {
    let timeline = Log::default()
        .up(0, 1)
        .starts(10, "slow")
        .ends(300, 1, ResultWord::NotReady)
        .all();
    assert_eq!(timeline.length, ms(300));
    assert_eq!(timeline.rows[0].own(), None);
    assert_eq!(timeline.chain, []);
}

#[test]
fn what_goes_on_is_shown_up_to_now() {
    let log = Log::default().up(0, 1).starts(10, "slow");
    let now = log.0[0].at + SignedDuration::from_millis(5_000);
    let wanted = Wanted {
        now: Some(now),
        ..Wanted::default()
    };
    let timeline = Timeline::of(&log.0, &wanted).expect("a start");
    assert_eq!((timeline.end, timeline.length), (End::GoingOn, ms(5_000)));
    // So is what nobody waits for.
    let begun = Log::default().up(0, 1).starts(1, "slow").done(2);
    let timeline = Timeline::of(&begun.0, &wanted).expect("a start");
    assert_eq!((timeline.end, timeline.length), (End::GoingOn, ms(5_000)));
    assert_eq!(begun.all().length, ms(2));
    // Without a supervisor nothing goes on, and nobody knows how it ended.
    assert_eq!(log.all().end, End::CutOff);
    let log = log.supervisor(100).ready(200, "slow");
    let timeline = Timeline::of(&log.0, &wanted).expect("a start");
    assert_eq!(timeline.end, End::CutOff);
    assert_eq!(chain(&timeline), ["slow 190"]);
}

#[test]
fn a_clock_that_was_set_back_takes_no_time_away() {
    let hour = 3_600_000;
    let timeline = Log::default()
        .up(0, 1)
        .waits(0, "api", &["db"])
        .starts(0, "db")
        .supervisor(20 - hour)
        .ready(50 - hour, "db")
        .starts(50 - hour, "api")
        .told(60 - hour, "api", "Pulled")
        .ready(90 - hour, "api")
        .all();
    assert_eq!(chain(&timeline), ["api 40", "db 30"]);
    assert_eq!(timeline.length, ms(70));
    assert_eq!(row(&timeline, "api").told[0].at, ms(40));
}

#[test]
fn a_torn_log_shows_what_is_there() {
    let mut log = shop();
    // The beginning was rotated away: nothing is known of it.
    let begin = log.0.remove(0);
    assert_eq!(log.of(&[]), Err(NotFound::Start));
    log.0.insert(0, begin);
    // Lines in the midst are gone: that the job completed, and that the gateway was started.
    log.0.retain(|event| {
        let of = |name: &str| event.service.as_deref() == Some(name);
        let completed = of("migrate") && event.to == Some(State::Completed);
        let started = of("gateway") && event.to == Some(State::Starting);
        !completed && !started
    });
    let timeline = log.all();
    assert_eq!(row(&timeline, "gateway").own(), Some(ms(0)));
    assert_eq!(chain(&timeline), ["gateway 0", "api 88"]);
    assert_eq!(log.of(&["migrate"]).expect("a start").chain, []);
}

#[test]
fn what_backends_tell_stands_with_its_service_in_the_order_of_time() {
    let timeline = Log::default()
        .up(0, 1)
        .starts(0, "web")
        .told(40, "web", "Started")
        .told(10, "web", "Scheduled")
        .told(10, "other", "Scheduled")
        .ready(50, "web")
        .told(45, "web", "Pulled late")
        .told(9_000, "web", "Unhealthy")
        .done(100)
        .all();
    let told: Vec<_> = timeline.rows[0]
        .told
        .iter()
        .map(|told| &*told.text)
        .collect();
    assert_eq!(told, ["Scheduled", "Started", "Pulled late"]);
}

#[test]
fn a_circle_in_a_torn_log_ends() {
    let timeline = Log::default()
        .up(0, 1)
        .waits(0, "one", &["two"])
        .waits(0, "two", &["one"])
        .starts(5, "one")
        .ready(5, "one")
        .starts(5, "two")
        .ready(5, "two")
        .all();
    assert_eq!(timeline.chain.len(), 2);
}
