//! Hooks: what waits for them, what follows them, what overtakes them.

use super::harness::{Harness, failure, name, probed, spec};
use crate::effect::{Effect, StopHow};
use crate::event::{Command, Event};
use crate::hook::Hook;
use crate::ids::{EffectId, Generation};
use crate::restart::RestartWhen;
use crate::spec::ServiceSpec;
use crate::state::ServiceState;

fn hooked(hooks: &[Hook]) -> ServiceSpec {
    ServiceSpec {
        hooks: hooks.to_vec(),
        ..spec("a", &[])
    }
}

impl Harness {
    /// The newest of these hooks that was asked for.
    fn hook(&self, which: Hook) -> Option<(EffectId, Generation)> {
        self.all.iter().rev().find_map(|effect| match effect {
            Effect::RunHook {
                id,
                generation,
                hook,
                ..
            } if *hook == which => Some((*id, *generation)),
            _ => None,
        })
    }

    fn hook_ended(&mut self, which: Hook, well: bool) {
        let (effect, _) = self.hook(which).expect("it was asked for");
        let instance = self.at("a", 0);
        let failure = (!well).then(|| failure("the hook failed"));
        self.tell(Event::HookEnded {
            effect,
            instance,
            failure,
        });
    }

    fn has(&self, test: fn(&Effect) -> bool) -> bool {
        self.effects.iter().any(test)
    }
}

fn starts(effect: &Effect) -> bool {
    matches!(effect, Effect::Start { .. })
}

fn stops(effect: &Effect) -> bool {
    matches!(effect, Effect::Stop { .. })
}

fn cancels(effect: &Effect) -> bool {
    matches!(effect, Effect::CancelHook { .. })
}

#[test]
fn each_comes_at_its_moment() {
    let mut one = Harness::new();
    one.model(&[hooked(&Hook::ALL), spec("b", &["a"])]);
    assert!(!one.all.iter().any(starts));
    assert_eq!(one.state("a"), ServiceState::Starting);
    assert_eq!(one.view("a").message, "its pre-start hook runs");
    one.hook_ended(Hook::PreStart, true);
    assert!(one.has(starts));
    one.started("a");
    assert_eq!(one.state("a"), ServiceState::Starting);
    assert!(!one.view("a").ready && !one.has(starts));
    one.hook_ended(Hook::PostStart, true);
    assert!(one.view("a").ready && one.has(starts), "b starts");
    one.started("b");
    one.down();
    one.stopped("b");
    assert_eq!(
        one.hook(Hook::PreStop),
        Some((one.hook(Hook::PreStop).expect("one").0, Generation(1)))
    );
    assert!(!one.has(stops));
    one.hook_ended(Hook::PreStop, false);
    assert!(one.has(stops), "a hook that fails keeps nothing");
    one.stopped("a");
    assert_eq!(one.state("a"), ServiceState::Stopping);
    one.hook_ended(Hook::PostStop, false);
    assert_eq!(one.state("a"), ServiceState::Stopped);
}

#[test]
fn a_failing_hook_fails_the_start() {
    for (hook, when, state) in [
        (Hook::PreStart, RestartWhen::Never, ServiceState::Failed),
        (
            Hook::PreStart,
            RestartWhen::OnFailure,
            ServiceState::Backoff,
        ),
        (Hook::PostStart, RestartWhen::Never, ServiceState::Failed),
        (
            Hook::PostStart,
            RestartWhen::OnFailure,
            ServiceState::Backoff,
        ),
    ] {
        let mut one = Harness::new();
        let mut spec = hooked(&[hook]);
        spec.restart.when = when;
        one.model(&[spec]);
        if hook == Hook::PostStart {
            one.started("a");
            one.hook_ended(hook, false);
            assert!(one.has(stops), "what runs is taken down first");
            one.stopped("a");
        } else {
            one.hook_ended(hook, false);
            assert!(!one.all.iter().any(starts));
        }
        assert_eq!(one.state("a"), state, "{hook} {when:?}");
        assert!(one.view("a").message.contains("the hook failed"));
    }
}

#[test]
fn a_stop_overtakes_a_start_in_its_hook() {
    let mut one = Harness::new();
    one.model(&[hooked(&[Hook::PreStart])]);
    one.stop("a");
    assert!(one.has(cancels) && one.has(stops));
    // It had ended just then: nobody listens any more.
    one.hook_ended(Hook::PreStart, true);
    assert!(!one.has(starts));
    one.stopped("a");
    assert_eq!(one.state("a"), ServiceState::Stopped);
}

#[test]
fn a_kill_waits_for_no_hook() {
    let mut one = Harness::new();
    one.model(&[hooked(&[Hook::PreStop, Hook::PostStop])]);
    one.started("a");
    one.stop("a");
    assert!(one.hook(Hook::PreStop).is_some() && !one.has(stops));
    one.command(Command::Stop {
        services: vec![name("a")],
        cascade: false,
        force: false,
        how: StopHow::Kill,
    });
    assert!(one.has(cancels) && one.has(stops));
    one.stopped("a");
    assert_eq!(one.hook(Hook::PostStop), None);
    assert_eq!(one.state("a"), ServiceState::Stopped);
}

#[test]
fn what_has_gone_meanwhile_is_waited_for_anew() {
    let mut one = Harness::new();
    let mut a = hooked(&[Hook::PreStart]);
    a.depends_on = spec("a", &["b"]).depends_on;
    one.model(&[a, probed(spec("b", &[]))]);
    one.started("b");
    one.ready("b");
    let (_, first) = one.hook(Hook::PreStart).expect("b is ready");
    one.not_ready("b", "gone");
    one.hook_ended(Hook::PreStart, true);
    assert!(!one.has(starts));
    assert_eq!(one.state("a"), ServiceState::Waiting);
    one.ready("b");
    let (_, second) = one.hook(Hook::PreStart).expect("b is ready again");
    assert_eq!(second, first.next());
}

#[test]
fn its_own_end_has_a_post_stop_too() {
    let mut one = Harness::new();
    one.model(&[hooked(&[Hook::PreStop, Hook::PostStop])]);
    one.started("a");
    one.exited("a", 1);
    assert_eq!(one.hook(Hook::PreStop), None, "there is nothing to stop");
    assert_eq!(one.state("a"), ServiceState::Stopping);
    one.hook_ended(Hook::PostStop, true);
    assert_eq!(one.state("a"), ServiceState::Backoff);
}
