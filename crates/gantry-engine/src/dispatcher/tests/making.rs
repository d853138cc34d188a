//! What services are made from.

use gantry_api::{OperationKind, ResultWord, State};
use gantry_driver::Make;

use super::stage::{Stage, order, outcome, ready, request, stack};

#[tokio::test(start_paused = true)]
async fn what_would_be_made_otherwise_is_made_anew_and_nothing_else() {
    let stage = Stage::new().await;
    let wanted = stack(&[
        ("api", ready(1), &["db"]),
        ("db", ready(1), &[]),
        ("web", ready(1), &[]),
    ]);
    stage.up(&wanted).await;
    stage.outdate("db", "build folder");
    let plan = stage.plan(&wanted).await;
    assert!(
        plan.contains(&"recreate db: its build folder changed".to_owned()),
        "{plan:?}"
    );
    let kept = plan.iter().filter(|step| step.starts_with("keep"));
    assert_eq!(kept.count(), 2, "{plan:?}");

    stage.outdate("db", "build folder");
    let progress = stage.up(&wanted).await;
    assert_eq!(outcome(&progress).exit_code, 0);
    assert_eq!(stage.starts("db"), 2);
    assert_eq!((stage.starts("api"), stage.starts("web")), (1, 1));
    assert_eq!(stage.made("db"), Some(Make::Needed));
    // Its specification is the one that it was.
    assert_eq!(stage.service("db").await.revision, 1);
    stage.up(&wanted).await;
    assert_eq!(stage.starts("db"), 2, "nothing has changed since");
}

#[tokio::test(start_paused = true)]
async fn how_it_is_made_is_said_by_the_one_who_asks() {
    let stage = Stage::new().await;
    let wanted = stack(&[("db", ready(1), &[])]);
    let up = |build| {
        let mut request = request(OperationKind::Up, Some(&wanted), &[]);
        request.options.build = build;
        request
    };
    stage.whole(up(Some(true))).await;
    assert_eq!(stage.made("db"), Some(Make::Afresh));
    // What starts again by itself is started from what there is.
    stage
        .whole(request(OperationKind::Restart, None, &["db"]))
        .await;
    assert_eq!(stage.made("db"), Some(Make::Needed));

    stage.outdate("db", "build folder");
    stage.whole(up(Some(false))).await;
    assert_eq!(stage.starts("db"), 2, "nobody was asked");
    stage
        .whole(request(OperationKind::Restart, None, &["db"]))
        .await;
    assert_eq!(stage.made("db"), Some(Make::Never));
    let progress = stage.whole(up(None)).await;
    assert_eq!(order(&progress, State::Running), ["db"]);
    assert_eq!(stage.made("db"), Some(Make::Needed));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_made_ends_nothing() {
    let stage = Stage::new().await;
    let wanted = stack(&[("db", ready(1), &[])]);
    stage.up(&wanted).await;
    stage.outdate("db", "broken");
    let mut up = request(OperationKind::Up, Some(&wanted), &[]);
    up.options.build = Some(true);
    let progress = stage.whole(up).await;
    let outcome = outcome(&progress);
    assert_eq!((outcome.result, outcome.exit_code), (ResultWord::Failed, 1));
    assert_eq!(outcome.failures[0].failure.reason, "it cannot be made");
    assert_eq!(stage.starts("db"), 1);
    assert_eq!(stage.service("db").await.state, State::Running);
}
