use super::*;

/// The long run is `cargo xtask simulate`.
#[test]
fn ten_thousand_schedules_hold() {
    if let Some((schedule, violation)) = search(0..10_000) {
        let Schedule { seed, actions } = schedule;
        panic!("seed {seed} breaks a rule; shrunk to {actions:#?}\n{violation}");
    }
}

#[test]
fn a_schedule_is_a_function_of_its_seed() {
    assert_eq!(Schedule::new(7), Schedule::new(7));
    assert_ne!(Schedule::new(7).actions, Schedule::new(8).actions);
}
