use super::*;

/// Ten thousand schedules, unless the environment asks for another number.
#[test]
fn ten_thousand_schedules_hold() {
    let count = std::env::var("GANTRY_SIMULATE")
        .ok()
        .and_then(|text| text.parse().ok());
    if let Some((schedule, violation)) = search(0..count.unwrap_or(10_000_u64)) {
        panic!(
            "seed {} breaks a rule; shrunk to {:#?}\n{violation}",
            schedule.seed, schedule.actions
        );
    }
}

#[test]
fn a_schedule_is_a_function_of_its_seed() {
    assert_eq!(Schedule::new(7), Schedule::new(7));
    assert_ne!(Schedule::new(7).actions, Schedule::new(8).actions);
}
