//! What people look at all day, drawn from records made by hand.

use gantry_api::{
    Cause, Endpoint, Event, EventKind, Exit, Explanation, Failure, InstanceStatus, NeededBy,
    OperationKind, Outcome, Plan, PreflightFailure, ResultWord, ServiceFailure, ServiceStatus,
    State, Status, Step, Supervisor, Unfinished,
};
use jiff::{SignedDuration, Timestamp};

use super::explain::ExplainView;
use super::graph::{Edge, GraphView, Node};
use super::plan::PlanView;
use super::progress::Board;
use super::status::StatusView;
use super::{Page, View, outcome};
use crate::style::{Palette, Text};

const ALL: Page = Page {
    width: None,
    wide: false,
};

fn drawn(lines: &[Text], colour: bool) -> String {
    let mut text = String::new();
    for line in lines {
        line.write(Palette { colour }, &mut text);
        text.push('\n');
    }
    text
}

fn ago(seconds: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_secs(seconds)
}

fn service(name: &str, state: State, message: &str) -> ServiceStatus {
    ServiceStatus {
        name: name.to_owned(),
        mode: "process".to_owned(),
        state,
        message: message.to_owned(),
        revision: 1,
        ..ServiceStatus::default()
    }
}

fn instance(id: &str, pid: u32) -> InstanceStatus {
    InstanceStatus {
        id: id.to_owned(),
        state: State::Running,
        ready: true,
        live: true,
        pid: Some(pid),
        started_at: Some(ago(192)),
        membership: Some("lineage".to_owned()),
        unguarded: false,
        ..InstanceStatus::default()
    }
}

fn running(name: &str, copies: u32) -> ServiceStatus {
    ServiceStatus {
        ready: true,
        live: true,
        pid: (copies == 1).then_some(4_242),
        instances: (1..=copies)
            .map(|number| instance(&format!("{name}.{number}"), 4_241 + number))
            .collect(),
        uptime_s: Some(192.4),
        ..service(name, State::Running, "")
    }
}

fn shop() -> Status {
    let endpoint = |name: &str, url: &str, instance: Option<&str>| Endpoint {
        name: name.to_owned(),
        url: url.to_owned(),
        instance: instance.map(str::to_owned),
    };
    let store = ServiceStatus {
        endpoints: vec![endpoint("kv", "tcp://127.0.0.1:20114", None)],
        restarts: 2,
        ..running("store", 1)
    };
    let migrate = ServiceStatus {
        job: true,
        depends_on: vec!["store".to_owned()],
        instances: vec![InstanceStatus {
            id: "migrate.1".to_owned(),
            state: State::Completed,
            exit: Some(Exit::Code(0)),
            ..InstanceStatus::default()
        }],
        ..service("migrate", State::Completed, "")
    };
    let api = ServiceStatus {
        depends_on: vec!["migrate".to_owned()],
        endpoints: vec![
            endpoint("http", "http://127.0.0.1:20115", Some("api.1")),
            endpoint("http", "http://127.0.0.1:20116", Some("api.2")),
        ],
        ..running("api", 2)
    };
    let gateway = ServiceStatus {
        depends_on: vec!["api".to_owned(), "worker".to_owned()],
        waits_for: vec!["worker".to_owned()],
        instances: vec![InstanceStatus {
            id: "gateway.1".to_owned(),
            ..InstanceStatus::default()
        }],
        ..service("gateway", State::Blocked, "worker failed")
    };
    let worker = ServiceStatus {
        depends_on: vec!["migrate".to_owned()],
        restarts: 5,
        instances: vec![InstanceStatus {
            id: "worker.1".to_owned(),
            state: State::Failed,
            exit: Some(Exit::Signal(11)),
            ..InstanceStatus::default()
        }],
        ..service(
            "worker",
            State::Failed,
            "crashed 5 times in 10m, last with signal SEGV; a very long reason that goes on",
        )
    };
    Status {
        version: 1,
        stack: "shop".to_owned(),
        file: "/srv/shop/gantry.toml".into(),
        strays: Vec::new(),
        supervisor: Some(Supervisor {
            pid: 4_000,
            version: "0.1.0".to_owned(),
            since: ago(195),
        }),
        services: vec![store, migrate, api, worker, gateway],
    }
}

#[test]
fn status_in_a_file() {
    insta::assert_snapshot!(drawn(&StatusView::Read(shop()).lines(ALL), false));
}

#[test]
fn status_in_a_narrow_terminal() {
    let page = Page {
        width: Some(90),
        wide: false,
    };
    let lines = StatusView::Read(shop()).lines(page);
    assert!(lines.iter().all(|line| line.width() <= 90));
    insta::assert_snapshot!(drawn(&lines, true).replace('\x1b', "^"));
}

#[test]
fn status_wide() {
    let page = Page {
        width: None,
        wide: true,
    };
    insta::assert_snapshot!(drawn(&StatusView::Read(shop()).lines(page), false));
}

fn event(seconds: f64, service: &str, to: State, message: &str) -> Event {
    let base: Timestamp = "2026-11-21T10:00:00Z".parse().expect("a time");
    let at = base + SignedDuration::from_secs_f64(seconds);
    Event {
        service: Some(service.to_owned()),
        to: Some(to),
        operation: Some(1),
        ..Event::new(EventKind::Transition, at, message)
    }
}

#[test]
fn progress_tells_once_what_has_got_there() {
    let names = ["store", "migrate", "api"].map(str::to_owned);
    let mut board = Board::new(OperationKind::Up, &names);
    let events = [
        event(0.0, "store", State::Starting, ""),
        event(0.0, "migrate", State::Waiting, "waiting for store (ready)"),
        event(0.085, "store", State::Running, ""),
        event(0.09, "migrate", State::Starting, ""),
        event(1.29, "migrate", State::Completed, ""),
        event(1.3, "api", State::Starting, ""),
        event(
            2.0,
            "api",
            State::Backoff,
            "exited with code 1; again in 200ms",
        ),
        event(2.2, "api", State::Starting, ""),
        event(
            2.5,
            "api",
            State::Failed,
            "exited with code 1, 3 times in 10m",
        ),
    ];
    let told: Vec<Text> = events
        .iter()
        .filter_map(|event| board.event(event))
        .collect();
    insta::assert_snapshot!(drawn(&told, false), @r"
    ✓ store    ready in 85ms
    ✓ migrate  completed in 1.2s
    ↻ api      will be started again: exited with code 1; again in 200ms
    ✗ api      failed: exited with code 1, 3 times in 10m
    ");
}

#[test]
fn progress_tells_why_something_falls_if_its_stop_takes_long() {
    let mut board = Board::new(OperationKind::Up, &["web".to_owned(), "store".to_owned()]);
    let falls = Event {
        failure: Some(failure()),
        ..event(1.0, "web", State::Stopping, "no such image")
    };
    let events = [
        event(0.0, "web", State::Starting, ""),
        event(0.1, "store", State::Starting, ""),
        falls,
        // What is asked for is not told as a failure.
        event(1.0, "store", State::Stopping, "its hook runs"),
    ];
    for event in &events {
        assert_eq!(board.event(event), None);
    }
    let at = |seconds| event(seconds, "", State::Running, "").at;
    assert_eq!(board.fallen(at(1.3)), []);
    let more = event(1.4, "web", State::Stopping, "no such image; it resists");
    assert_eq!(board.event(&more), None);
    let told = board.fallen(at(1.5));
    insta::assert_snapshot!(drawn(&told, false), @"✗ web    is being stopped: no such image; it resists");
    // Once, though something is added.
    let more = event(2.0, "web", State::Stopping, "no such image; it still does");
    assert_eq!(board.event(&more), None);
    assert_eq!(board.fallen(at(2.5)), []);
}

#[test]
fn progress_shows_in_place_what_has_not() {
    let names = ["store", "migrate"].map(str::to_owned);
    let mut board = Board::new(OperationKind::Up, &names);
    assert_eq!(
        board.event(&event(
            0.0,
            "migrate",
            State::Waiting,
            "waiting for store (ready)"
        )),
        None
    );
    insta::assert_snapshot!(drawn(&board.live(), false), @r"
    · store    waiting
    · migrate  waiting           waiting for store (ready)
    ");
    let words = board.waiting().expect("two are open");
    assert_eq!(
        words,
        "still waiting for store (waiting) and migrate (waiting: waiting for store (ready))"
    );
}

fn failure() -> Failure {
    Failure {
        stage: "run".to_owned(),
        kind: "transient".to_owned(),
        reason: "exited with code 7 before it was ready".to_owned(),
        step: None,
        evidence: Some("connection refused on 127.0.0.1:5432".to_owned()),
        exit: Some(Exit::Code(7)),
        tail: vec![
            "reading the map".to_owned(),
            "the disk is upside down\u{7}".to_owned(),
        ],
        since: None,
        tried: Some("python3 -m shop.worker --port 8080".to_owned()),
        hint: None,
    }
}

#[test]
fn an_outcome_with_failures_names_cause_evidence_and_next_step() {
    let outcome = Outcome {
        duration_ms: 2_340,
        failures: vec![
            ServiceFailure {
                service: "worker".to_owned(),
                state: State::Failed,
                failure: failure(),
            },
            ServiceFailure {
                service: "gateway".to_owned(),
                state: State::Blocked,
                failure: Failure {
                    stage: "dependency".to_owned(),
                    reason: "worker failed".to_owned(),
                    ..Failure::default()
                },
            },
        ],
        ..Outcome::new(ResultWord::Failed)
    };
    insta::assert_snapshot!(drawn(
        &outcome::lines(OperationKind::Up, &outcome, Some(0)),
        false
    ));
}

#[test]
fn an_outcome_that_is_late_names_what_is_missing() {
    let outcome = Outcome {
        duration_ms: 5_000,
        unfinished: vec![Unfinished {
            service: "db".to_owned(),
            state: State::Starting,
            waits_for: Vec::new(),
            message: "readiness tcp: connection refused on 127.0.0.1:5432".to_owned(),
            tail: vec!["recovering".to_owned()],
        }],
        ..Outcome::new(ResultWord::NotReady)
    };
    insta::assert_snapshot!(drawn(
        &outcome::lines(OperationKind::Up, &outcome, Some(0)),
        false
    ));
}

#[test]
fn an_outcome_of_preflight_names_what_to_install() {
    let outcome = Outcome {
        preflight: vec![PreflightFailure {
            service: Some("ghost".to_owned()),
            check: "program".to_owned(),
            message: "no program \"ghostd\" in PATH (/usr/bin:/bin)".to_owned(),
            hint: Some("install it, or write its path in the stack file".to_owned()),
        }],
        ..Outcome::new(ResultWord::Preflight)
    };
    insta::assert_snapshot!(drawn(
        &outcome::lines(OperationKind::Up, &outcome, Some(0)),
        false
    ));
}

#[test]
fn explain_follows_the_chain_to_its_root() {
    let Status { services, .. } = shop();
    let gateway = services
        .into_iter()
        .find(|one| one.name == "gateway")
        .expect("it is there");
    let view = ExplainView {
        explanation: Explanation {
            version: 1,
            service: gateway,
            chain: vec![
                Cause {
                    service: "gateway".to_owned(),
                    depth: 0,
                    needed_by: None,
                    state: State::Blocked,
                    ready: false,
                    message: "worker failed".to_owned(),
                    failure: None,
                },
                Cause {
                    service: "worker".to_owned(),
                    depth: 1,
                    needed_by: Some(NeededBy {
                        service: "gateway".to_owned(),
                        part: None,
                        condition: "ready".to_owned(),
                    }),
                    state: State::Failed,
                    ready: false,
                    message: "exited with code 7 before it was ready".to_owned(),
                    failure: Some(failure()),
                },
            ],
            events: Vec::new(),
            tail: Vec::new(),
            tail_of: None,
            part: None,
        },
    };
    insta::assert_snapshot!(drawn(&view.lines(ALL), false));
}

#[test]
fn a_graph_is_drawn_as_trees() {
    let node = |name: &str, state| Node {
        name: name.to_owned(),
        mode: "process".to_owned(),
        job: false,
        state: Some(state),
        children: Vec::new(),
        level: 0,
    };
    let edge = |from: &str, to: &str, condition: &str| Edge {
        part: None,
        from: from.to_owned(),
        to: to.to_owned(),
        condition: condition.to_owned(),
        file: None,
        line: None,
    };
    let view = GraphView {
        title: "shop".into(),
        nodes: vec![
            node("store", State::Running),
            node("migrate", State::Completed),
            node("api", State::Running),
            node("worker", State::Failed),
            node("gateway", State::Blocked),
        ],
        edges: vec![
            edge("migrate", "store", "ready"),
            edge("api", "migrate", "completed"),
            edge("worker", "migrate", "completed"),
            edge("gateway", "api", "ready"),
            edge("gateway", "worker", "ready"),
        ],
        roots: vec!["gateway".to_owned()],
        reverse: false,
    };
    insta::assert_snapshot!(drawn(&view.lines(ALL), false));
}

#[test]
fn a_plan_says_why() {
    let step = |action: &str, service: &str, reason: &str| Step {
        action: action.to_owned(),
        service: service.to_owned(),
        reason: reason.to_owned(),
    };
    let plan = Plan {
        steps: vec![
            step("restart", "db", "its env.PORT changed"),
            step("start", "api", "not running"),
        ],
    };
    insta::assert_snapshot!(drawn(&PlanView { plan }.lines(ALL), false), @r"
    STEP  ACTION   SERVICE  REASON
       1  restart  db       its env.PORT changed
       2  start    api      not running
    ");
}
