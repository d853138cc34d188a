use proptest::prelude::*;

use super::*;
use crate::ids::Digest;
use crate::spec::{Condition, Dependency};

fn name(text: &str) -> ServiceName {
    ServiceName::new(text).expect("a name")
}

fn spec(text: &str, needs: &[&str]) -> ServiceSpec {
    let mut spec = ServiceSpec::new(name(text), ModeName::new("process"));
    spec.depends_on = needs
        .iter()
        .map(|on| Dependency::new(name(on), Condition::Ready))
        .collect();
    spec
}

fn up(spec: &ServiceSpec) -> Present<'_> {
    Present {
        spec,
        phase: Phase::Up,
        wanted: true,
    }
}

fn text(steps: &[Step]) -> Vec<String> {
    steps
        .iter()
        .map(|s| format!("{} {}: {}", s.action, s.service, s.reason))
        .collect()
}

#[test]
fn everything_is_started_in_order_when_nothing_runs() {
    let wanted = [spec("api", &["db"]), spec("db", &[])];
    let steps = plan(&[], &wanted, &[], &Targets::AutoStart).expect("a plan");
    assert_eq!(
        text(&steps),
        ["start db: not running", "start api: not running"]
    );
}

#[test]
fn only_what_changed_restarts_and_followers_come_along() {
    let mut follower = spec("web", &["db"]);
    follower.depends_on[0].follow = true;
    let old = [spec("db", &[]), spec("api", &["db"]), follower];
    let mut new = old.clone();
    new[0].digest = Digest([1; 16]);
    let change = Change {
        service: name("db"),
        effect: ChangeEffect::Restart,
        fields: vec!["command".into()],
        anew: false,
    };
    let present: Vec<_> = old.iter().map(up).collect();
    let steps = plan(&present, &new, &[change], &Targets::AutoStart).expect("a plan");
    assert_eq!(
        text(&steps),
        [
            "restart db: its command changed",
            "keep api: runs and is unchanged",
            "restart web: depends on db, which restarts",
        ]
    );
}

#[test]
fn what_left_the_file_is_removed_dependents_first() {
    let old = [spec("db", &[]), spec("api", &["db"]), spec("kept", &[])];
    let present: Vec<_> = old.iter().map(up).collect();
    let steps = plan(&present, &old[2..], &[], &Targets::AutoStart).expect("a plan");
    assert_eq!(
        text(&steps),
        [
            "remove api: no longer in the file",
            "remove db: no longer in the file",
            "keep kept: runs and is unchanged",
        ]
    );
}

#[test]
fn naming_a_service_touches_it_and_what_it_needs_only() {
    let wanted = [spec("db", &[]), spec("api", &["db"]), spec("other", &[])];
    let gone = spec("gone", &[]);
    let targets = Targets::Named(vec![name("api")]);
    let steps = plan(&[up(&gone)], &wanted, &[], &targets).expect("a plan");
    assert_eq!(
        text(&steps),
        ["start db: not running", "start api: not running"]
    );
    let targets = Targets::Named(vec![name("nobody")]);
    let error = plan(&[], &wanted, &[], &targets).expect_err("no such service");
    assert_eq!(error.to_string(), "there is no service nobody");
}

#[test]
fn mode_replicas_and_completed_jobs_have_their_own_reasons() {
    let mut old = [spec("a", &[]), spec("b", &[]), spec("job", &[])];
    old[2].kind = Kind::Job;
    let mut new = old.clone();
    new[0].mode = ModeName::new("other");
    new[1].replicas = 3;
    let present = [
        up(&old[0]),
        up(&old[1]),
        Present {
            spec: &old[2],
            phase: Phase::Completed,
            wanted: true,
        },
    ];
    let steps = plan(&present, &new, &[], &Targets::AutoStart).expect("a plan");
    assert_eq!(
        text(&steps),
        [
            "restart a: mode changed from process to other",
            "scale b: replicas changed from 1 to 3",
            "keep job: completed and is unchanged",
        ]
    );
}

proptest! {
    #[test]
    fn every_service_in_scope_has_one_step_and_comes_after_what_it_needs(
        edges in prop::collection::vec((1_usize..10, 0_usize..10), 0..25),
        running in prop::collection::vec(any::<bool>(), 10),
        changed in prop::collection::vec(any::<bool>(), 10),
    ) {
        let mut old: Vec<_> = (0..10).map(|n| spec(&format!("s{n}"), &[])).collect();
        for (dependent, dependency) in edges {
            if dependent > dependency {
                let on = name(&format!("s{dependency}"));
                old[dependent].depends_on.push(Dependency::new(on, Condition::Ready));
            }
        }
        let mut new = old.clone();
        for (spec, changed) in new.iter_mut().zip(&changed) {
            spec.digest = Digest([u8::from(*changed); 16]);
        }
        let present: Vec<_> = old
            .iter()
            .zip(&running)
            .map(|(spec, up)| Present { spec, phase: if *up { Phase::Up } else { Phase::Down }, wanted: *up })
            .collect();
        let steps = plan(&present, &new, &[], &Targets::AutoStart).expect("a plan");
        prop_assert_eq!(steps.len(), 10);
        let position = |name: &ServiceName| steps.iter().position(|s| s.service == *name);
        for (at, spec) in new.iter().enumerate() {
            let own = position(&spec.name);
            prop_assert!(spec.depends_on.iter().all(|d| position(&d.on) < own));
            let expected = match (running[at], changed[at]) {
                (false, _) => Action::Start,
                (true, true) => Action::Restart,
                (true, false) => Action::Keep,
            };
            prop_assert_eq!(steps[own.expect("a step")].action, expected);
        }
    }
}
