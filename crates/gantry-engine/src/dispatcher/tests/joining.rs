//! Which instance is joined.

use gantry_api::{ErrorBody, ErrorCode, OperationKind};
use gantry_core::Generation;
use gantry_driver::TerminalSize;

use crate::attach::{Purpose, terminal};

use super::stage::{Stage, ready, request, stack};

fn said(error: ErrorBody) -> (ErrorCode, String, String) {
    (error.code, error.message, error.hint.unwrap_or_default())
}

#[tokio::test(start_paused = true)]
async fn the_one_that_runs_is_joined_and_all_else_is_said() {
    let stage = Stage::new().await;
    let mut wanted = stack(&[
        ("one", ready(1), &[]),
        ("two", ready(1), &[]),
        ("off", ready(1), &[]),
    ]);
    for (name, service) in &mut wanted.services {
        service.replicas = 1 + u16::from(name.as_str() == "two");
        service.auto_start = name.as_str() != "off";
    }
    stage.up(&wanted).await;

    let Ok(seat) = stage.seat("one", None).await else {
        panic!("no seat");
    };
    assert_eq!(seat.instance.to_string(), "one.1");
    assert_eq!(seat.generation, Generation(1));
    let size = TerminalSize {
        rows: 30,
        columns: 90,
    };
    let Purpose::Attach(query) = seat.purpose else {
        panic!("it is joined");
    };
    assert_eq!(terminal(query.rows, query.columns), Some(size));
    let Ok(seat) = stage.seat("two", Some(2)).await else {
        panic!("no seat");
    };
    assert_eq!(seat.instance.to_string(), "two.2");

    let refused = async |service: &str, instance| {
        let refused = stage.seat(service, instance).await;
        said(refused.err().expect("no seat"))
    };
    let conflict =
        |message: &str, hint: &str| (ErrorCode::Conflict, message.to_owned(), hint.to_owned());
    assert_eq!(refused("nobody", None).await.0, ErrorCode::NotFound);
    assert_eq!(
        refused("two", None).await,
        conflict("service two runs in 2 instances", "name one: two/1, two/2")
    );
    assert_eq!(
        refused("two", Some(3)).await,
        conflict(
            "there is no instance two/3 that runs",
            "these run: two/1, two/2"
        )
    );
    assert_eq!(
        refused("off", None).await,
        conflict("service off does not run", "`gantry start off` starts it")
    );
    stage
        .whole(request(OperationKind::Stop, None, &["one"]))
        .await;
    assert_eq!(refused("one", None).await.1, "service one does not run");
}
