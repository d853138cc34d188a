mod joining;
mod making;
mod stage;

use std::time::Duration;

use gantry_api::{OperationKind, Progress, ResultWord, State};
use gantry_core::{FailureKind, ModeName, ServiceName};
use gantry_driver::mock::MockSpec;
use gantry_stack::template::{EnvValue, Template};

use self::stage::{Stage, order, outcome, ready, request, stack};
use super::End;

#[tokio::test(start_paused = true)]
async fn services_start_in_order_and_stop_in_reverse() {
    let stage = Stage::new().await;
    let wanted = stack(&[
        ("api", ready(10), &["db", "cache"]),
        ("db", ready(500), &[]),
        ("cache", ready(20), &[]),
    ]);
    let progress = stage.up(&wanted).await;
    let outcome_ = outcome(&progress);
    assert_eq!(outcome_.exit_code, 0, "{outcome_:?}");
    assert_eq!(order(&progress, State::Running), ["cache", "db", "api"]);
    let status = stage.status().await;
    let names: Vec<_> = status.services.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["db", "cache", "api"]);
    assert!(
        status
            .services
            .iter()
            .all(|it| it.ready && it.revision == 1)
    );
    assert!(stage.has_plan());

    let progress = stage.whole(request(OperationKind::Down, None, &[])).await;
    assert_eq!(outcome(&progress).exit_code, 0);
    let stopped = order(&progress, State::Stopped);
    assert_eq!(stopped[0], "api", "{stopped:?}");
    assert_eq!(stopped.len(), 3);
    assert_eq!(stage.task.await.expect("it ends"), End::Down);
}

/// Who sends starts to a backend is another task of the same thread.
#[tokio::test(start_paused = true)]
async fn the_first_of_many_are_on_their_way_while_the_last_are_looked_up() {
    let stage = Stage::new().await;
    let names: Vec<String> = (0..300).map(|number| format!("s{number}")).collect();
    let services: Vec<(&str, MockSpec, &[&str])> = names
        .iter()
        .map(|name| (name.as_str(), ready(10), &[][..]))
        .collect();
    let wanted = stack(&services);
    let up = stage.up(&wanted);
    tokio::pin!(up);
    // The clock stands still meanwhile: nobody is idle.
    while names.iter().all(|name| stage.starts(name) == 0) {
        tokio::select! {
            biased;
            progress = &mut up => panic!("{:?}", outcome(&progress)),
            () = tokio::task::yield_now() => {}
        }
    }
    let noted = stage.noted();
    assert!((1..names.len()).contains(&noted), "{noted}");
    assert_eq!(outcome(&up.await).exit_code, 0);
    assert_eq!(stage.noted(), names.len());
}

#[tokio::test(start_paused = true)]
async fn a_failure_ends_the_wait_and_names_what_is_blocked() {
    let stage = Stage::new().await;
    let broken = MockSpec {
        start_error: Some("no space left on device".into()),
        start_error_kind: FailureKind::Permanent,
        ..MockSpec::default()
    };
    let wanted = stack(&[("db", broken, &[]), ("api", ready(1), &["db"])]);
    let progress = stage.up(&wanted).await;
    let outcome = outcome(&progress);
    assert_eq!((outcome.result, outcome.exit_code), (ResultWord::Failed, 1));
    assert_eq!(outcome.failures[0].service, "db");
    let reason = &outcome.failures[0].failure.reason;
    assert!(reason.contains("no space left on device"), "{reason}");
    assert_eq!(outcome.failures[1].failure.stage, "dependency");
    let api = stage.service("api").await;
    assert_eq!(api.state, State::Blocked);
    assert_eq!(api.blocked_by.as_deref(), Some("db"));

    let explanation = stage.explain("api").await;
    let chain: Vec<_> = explanation
        .chain
        .iter()
        .map(|it| it.service.as_str())
        .collect();
    assert_eq!(chain, ["api", "db"]);
    assert_eq!(explanation.tail_of.as_deref(), Some("db"));
}

#[tokio::test(start_paused = true)]
async fn what_its_backend_gives_up_fails_the_wait_at_once() {
    let stage = Stage::new().await;
    let given_up = MockSpec {
        doomed_after: Some(30),
        last_words: vec!["no such table".into()],
        ..MockSpec::default()
    };
    let wanted = stack(&[("db", given_up, &[]), ("api", ready(1), &["db"])]);
    let begun = tokio::time::Instant::now();
    let progress = stage.up(&wanted).await;
    assert!(begun.elapsed() < Duration::from_secs(5));
    let told = outcome(&progress);
    assert_eq!((told.result, told.exit_code), (ResultWord::NotReady, 4));
    let failure = &told.failures[0].failure;
    assert_eq!(failure.reason, "its image does not exist");
    assert_eq!(failure.tail, ["no such table"]);
    assert_eq!(stage.service("db").await.state, State::Failed);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_ready_in_time_is_told_with_whom_it_waits_for() {
    let stage = Stage::new().await;
    let wanted = stack(&[("db", MockSpec::default(), &[]), ("api", ready(1), &["db"])]);
    let mut up = request(OperationKind::Up, Some(&wanted), &[]);
    up.options.timeout_ms = Some(3000);
    let progress = stage.whole(up).await;
    let told = outcome(&progress);
    assert_eq!((told.result, told.exit_code), (ResultWord::NotReady, 4));
    let names: Vec<_> = told
        .unfinished
        .iter()
        .map(|it| it.service.as_str())
        .collect();
    assert_eq!(names, ["db", "api"]);
    assert_eq!(told.unfinished[1].waits_for, ["db"]);

    // The start timeout of the service itself has the same exit code.
    let progress = stage.up(&wanted).await;
    let told = outcome(&progress);
    assert_eq!((told.result, told.exit_code), (ResultWord::NotReady, 4));
    assert_eq!(told.failures[0].service, "db");
    assert_eq!(told.failures[0].failure.stage, "ready");
}

#[tokio::test(start_paused = true)]
async fn only_what_changed_restarts_and_the_reason_names_the_field() {
    let stage = Stage::new().await;
    let mut wanted = stack(&[("db", ready(1), &[]), ("api", ready(1), &["db"])]);
    stage.up(&wanted).await;
    let name = ServiceName::new("api").expect("a name");
    let api = wanted.services.get_mut(&name).expect("api");
    api.env.insert("LOG".into(), EnvValue::Text("debug".into()));
    let progress = stage.up(&wanted).await;
    assert_eq!(outcome(&progress).exit_code, 0);
    let Some(Progress::Begun { steps, .. }) = progress.first() else {
        panic!("{progress:?}");
    };
    let steps: Vec<_> = steps
        .iter()
        .map(|it| (it.action.as_str(), it.service.as_str(), it.reason.as_str()))
        .collect();
    assert_eq!(
        steps,
        [
            ("keep", "db", "runs and is unchanged"),
            ("restart", "api", "its env.LOG changed")
        ]
    );
    assert_eq!((stage.starts("db"), stage.starts("api")), (1, 2));
    assert_eq!(stage.service("api").await.revision, 2);

    // The same again changes nothing.
    stage.up(&wanted).await;
    assert_eq!((stage.starts("db"), stage.starts("api")), (1, 2));

    // What left the file is stopped.
    wanted.services.shift_remove(&name);
    stage.up(&wanted).await;
    let status = stage.status().await;
    assert_eq!(status.services.len(), 1, "{status:?}");
}

#[tokio::test(start_paused = true)]
async fn a_new_supervisor_finds_everything_and_starts_nothing() {
    let mut stage = Stage::new().await;
    let wanted = stack(&[("db", ready(1), &[]), ("api", ready(1), &["db"])]);
    stage.up(&wanted).await;
    let before = stage.status().await;
    for _ in 0..5 {
        stage.replace().await;
        let after = stage.status().await;
        let states: Vec<_> = after.services.iter().map(|it| it.state).collect();
        assert_eq!(states, [State::Running, State::Running], "{after:?}");
        for (old, new) in before.services.iter().zip(&after.services) {
            assert_eq!(old.pid, new.pid);
            assert_eq!(old.restarts, new.restarts);
            assert_eq!(old.instances[0].generation, new.instances[0].generation);
            assert_eq!(old.revision, new.revision);
        }
    }
    assert_eq!((stage.starts("db"), stage.starts("api")), (1, 1));
    // And it knows what they were started from.
    stage.up(&wanted).await;
    assert_eq!((stage.starts("db"), stage.starts("api")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_refused_while_a_dependent_runs() {
    let stage = Stage::new().await;
    let wanted = stack(&[("db", ready(1), &[]), ("api", ready(1), &["db"])]);
    stage.up(&wanted).await;
    let mut stop = request(OperationKind::Stop, None, &["db"]);
    let progress = stage.whole(stop.clone()).await;
    let told = outcome(&progress);
    assert_eq!((told.result, told.exit_code), (ResultWord::Refused, 1));
    assert_eq!(told.refusal.as_deref(), Some("db is needed by api"));
    stop.options.cascade = true;
    let progress = stage.whole(stop).await;
    assert_eq!(order(&progress, State::Stopped), ["api", "db"]);
    let missing = stage
        .operate(request(OperationKind::Stop, None, &["dbb"]))
        .await;
    let missing = missing.expect_err("there is none");
    assert_eq!(missing.message, "there is no service dbb");
}

#[tokio::test(start_paused = true)]
async fn the_stack_goes_down_with_the_client_that_holds_it() {
    let stage = Stage::new().await;
    let wanted = stack(&[("db", ready(1), &[])]);
    let mut up = request(OperationKind::Up, Some(&wanted), &[]);
    up.options.foreground = true;
    let mut stream = stage.operate(up).await.expect("it is taken on");
    while let Some(progress) = stream.recv().await {
        if matches!(progress, Progress::Ended { .. }) {
            break;
        }
    }
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(stage.service("db").await.state, State::Running);
    drop(stream);
    assert_eq!(stage.task.await.expect("it ends"), End::Down);
    assert!(stage.driver.alive("shop-0").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_foreground_stack_whose_client_does_not_come_back_goes_down() {
    let mut stage = Stage::new().await;
    let wanted = stack(&[("db", ready(1), &[])]);
    let mut up = request(OperationKind::Up, Some(&wanted), &[]);
    up.options.foreground = true;
    let stream = stage.operate(up).await.expect("it is taken on");
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.replace().await;
    drop(stream);
    assert_eq!(stage.service("db").await.state, State::Running);
    let mut task = &mut stage.task;
    let ended = tokio::time::timeout(Duration::from_secs(30), &mut task).await;
    assert_eq!(ended.expect("in time").expect("it ends"), End::Down);
}

#[tokio::test(start_paused = true)]
async fn one_signal_takes_down_in_order_and_a_second_one_kills() {
    let stage = Stage::new().await;
    let stubborn = MockSpec {
        ignore_stop: true,
        ..ready(1)
    };
    let mut wanted = stack(&[("db", stubborn, &[])]);
    let grace = gantry_core::Millis::seconds(3600);
    wanted.services[0].stop.grace = grace;
    stage.up(&wanted).await;
    stage.interrupt();
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(stage.service("db").await.state, State::Stopping);
    stage.interrupt();
    let ended = tokio::time::timeout(Duration::from_mins(1), stage.task).await;
    assert_eq!(ended.expect("in time").expect("it ends"), End::Down);
}

#[tokio::test(start_paused = true)]
async fn a_mode_that_is_not_built_in_is_refused_by_name() {
    let stage = Stage::new().await;
    let mut wanted = stack(&[("db", ready(1), &[])]);
    wanted.services[0].run.mode = ModeName::new("cloud");
    let progress = stage.up(&wanted).await;
    let told = outcome(&progress);
    assert_eq!((told.result, told.exit_code), (ResultWord::Refused, 2));
    let refusal = told.refusal.as_deref();
    assert_eq!(
        refusal,
        Some("the mode cloud of service db is not built in")
    );
    assert!(stage.status().await.services.is_empty());
}

#[tokio::test]
async fn a_port_that_is_held_stops_the_start_and_names_the_holder() {
    let stage = Stage::new().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = listener.local_addr().expect("address").port();
    let mut wanted = stack(&[("db", ready(1), &[])]);
    wanted.services[0].ports.insert("sql".into(), port);
    let progress = stage.up(&wanted).await;
    let told = outcome(&progress);
    assert_eq!((told.result, told.exit_code), (ResultWord::Preflight, 3));
    assert_eq!(told.preflight[0].service.as_deref(), Some("db"));
    let message = &told.preflight[0].message;
    assert!(message.contains(&port.to_string()), "{message}");
    let pid = std::process::id().to_string();
    assert!(message.contains(&pid), "{message}");
    assert_eq!(stage.starts("db"), 0);
}

#[tokio::test(start_paused = true)]
async fn ports_are_drawn_told_and_given_back() {
    let stage = Stage::new().await;
    let mut wanted = stack(&[("db", ready(1), &[]), ("api", ready(1), &[])]);
    wanted.services[0].ports.insert("sql".into(), 0);
    let url = "postgres://{{ services.db.host }}:{{ services.db.ports.sql }}/shop";
    let url = Template::parse(url).expect("a template");
    wanted.services[1]
        .env
        .insert("URL".into(), EnvValue::Text(url));
    wanted.services[1].replicas = 2;
    wanted.services[1].ports.insert("http".into(), 0);
    let progress = stage.up(&wanted).await;
    assert_eq!(outcome(&progress).exit_code, 0, "{progress:?}");
    let status = stage.status().await;
    let db = &status
        .services
        .iter()
        .find(|it| it.name == "db")
        .expect("db")
        .endpoints;
    assert_eq!(db.len(), 1);
    assert!(db[0].url.starts_with("tcp://127.0.0.1:"), "{db:?}");
    let api = &status
        .services
        .iter()
        .find(|it| it.name == "api")
        .expect("api")
        .endpoints;
    assert_eq!(api.len(), 2);
    assert_ne!(api[0].url, api[1].url);
    assert_eq!(api[1].instance.as_deref(), Some("api.2"));
}

/// Gives a service a variable with references.
fn ask(stack: &mut gantry_stack::model::Stack, service: usize, template: &str) {
    let template = Template::parse(template).expect("a template");
    let env = &mut stack.services[service].env;
    env.insert("SEES".into(), EnvValue::Text(template));
}

#[tokio::test(start_paused = true)]
async fn who_asks_is_told_the_way_from_where_it_stands() {
    let stage = Stage::new().await;
    let inside = MockSpec {
        network: Some("net".into()),
        publish: Some(gantry_driver::Ports::from_iter([("http".into(), 0)])),
        ready_after: Some(1),
        ..MockSpec::default()
    };
    let mut wanted = stack(&[
        ("web", inside.clone(), &[]),
        ("native", ready(1), &[]),
        (
            "beside",
            MockSpec {
                publish: None,
                ..inside.clone()
            },
            &["web", "native"],
        ),
        ("outside", ready(1), &["web"]),
        (
            "elsewhere",
            MockSpec {
                network: Some("other".into()),
                ..inside
            },
            &["web"],
        ),
    ]);
    wanted.services[0].ports.insert("http".into(), 80);
    wanted.services[1].ports.insert("sql".into(), 0);
    let web = "{{ services.web.host }} {{ services.web.ports.http }} {{ services.web.url }}";
    ask(&mut wanted, 0, "{{ host }} {{ ports.http }}");
    ask(
        &mut wanted,
        2,
        &format!("{web} {{{{ services.native.addresses.sql }}}}"),
    );
    ask(
        &mut wanted,
        3,
        &format!("{web} {{{{ services.web.urls.http }}}}"),
    );
    ask(&mut wanted, 4, web);
    let progress = stage.up(&wanted).await;
    assert_eq!(outcome(&progress).exit_code, 0, "{progress:?}");

    let endpoint = |service: gantry_api::ServiceStatus| service.endpoints[0].url.clone();
    let published = endpoint(stage.service("web").await);
    let port = published
        .strip_prefix("http://127.0.0.1:")
        .expect("it is on this machine");
    let native = endpoint(stage.service("native").await);
    let sql = native
        .strip_prefix("tcp://127.0.0.1:")
        .expect("it is on this machine");
    assert_ne!(port, "80");
    assert_eq!(stage.env("web", "SEES"), "web 80");
    let beside = format!("web 80 http://web:80 machine.mock:{sql}");
    assert_eq!(stage.env("beside", "SEES"), beside);
    let outside = format!("127.0.0.1 {port} {published} {published}");
    assert_eq!(stage.env("outside", "SEES"), outside);
    let elsewhere = format!("machine.mock {port} http://machine.mock:{port}");
    assert_eq!(stage.env("elsewhere", "SEES"), elsewhere);
}

#[tokio::test(start_paused = true)]
async fn what_ends_right_after_its_start_has_failed() {
    let mut stage = Stage::new().await;
    stage.driver = gantry_driver::mock::MockDriver::new();
    stage.replace().await;
    let short = MockSpec {
        run_for: Some(10),
        exit_code: 7,
        last_words: vec!["it is broken".into()],
        ..MockSpec::default()
    };
    let mut wanted = stack(&[("bad", short, &[]), ("good", MockSpec::default(), &[])]);
    wanted.services[0].restart.policy = gantry_core::RestartWhen::Never;
    let progress = stage.up(&wanted).await;
    let told = outcome(&progress);
    assert_eq!((told.result, told.exit_code), (ResultWord::Failed, 1));
    assert_eq!(told.failures[0].service, "bad");
    assert_eq!(told.failures[0].failure.tail, ["it is broken"]);
    assert_eq!(told.services, ["good"]);

    // With restarts, it is waited for until it stays up, or is given up.
    wanted.services[0].restart.policy = gantry_core::RestartWhen::OnFailure;
    wanted.services[0].restart.max = 2;
    let progress = stage.up(&wanted).await;
    let told = outcome(&progress);
    assert_eq!((told.result, told.exit_code), (ResultWord::Failed, 1));
    assert_eq!(told.failures[0].failure.stage, "crash-loop");
}

#[tokio::test(start_paused = true)]
async fn restarts_are_counted_over_supervisors() {
    let mut stage = Stage::new().await;
    let wanted = stack(&[("db", ready(1), &[])]);
    stage.up(&wanted).await;
    let db = gantry_core::InstanceId::new(ServiceName::new("db").expect("a name"), 0);
    for count in 1..=2 {
        stage
            .driver
            .exit("shop-0", &db, gantry_core::ExitStatus::Code(1));
        tokio::time::sleep(Duration::from_secs(5)).await;
        let status = stage.service("db").await;
        assert_eq!((status.state, status.restarts), (State::Running, count));
        stage.replace().await;
        let status = stage.service("db").await;
        assert_eq!((status.state, status.restarts), (State::Running, count));
        assert_eq!(status.instances[0].restarts, count);
    }
}
