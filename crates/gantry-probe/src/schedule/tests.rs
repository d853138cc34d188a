use std::time::Duration;

use super::{Pace, Schedule};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn starting_begins_soon_and_slows_down_to_the_interval() {
    let mut schedule = Schedule::new(SECOND, Duration::ZERO, 1);
    let waits: Vec<_> = (0..14).map(|_| schedule.wait(Pace::Starting)).collect();
    assert_eq!(waits[0], Duration::from_millis(20));
    assert_eq!(waits[1], Duration::from_millis(30));
    assert_eq!(waits[2], Duration::from_millis(45));
    assert!(waits.is_sorted());
    assert_eq!(waits[13], SECOND);
}

#[test]
fn the_delay_comes_first() {
    let mut schedule = Schedule::new(SECOND, SECOND * 5, 1);
    assert_eq!(schedule.wait(Pace::Starting), SECOND * 5);
    assert_eq!(schedule.wait(Pace::Starting), Duration::from_millis(20));
}

#[test]
fn an_interval_below_the_first_wait_is_kept() {
    let mut schedule = Schedule::new(Duration::from_millis(5), Duration::ZERO, 1);
    assert_eq!(schedule.wait(Pace::Starting), Duration::from_millis(5));
}

#[test]
fn steady_probes_do_not_ask_all_at_once() {
    let mut slots = [0_u32; 10];
    for seed in 0..1000 {
        let mut schedule = Schedule::new(SECOND * 10, Duration::ZERO, seed);
        let wait = schedule.wait(Pace::Steady);
        slots[usize::try_from(wait.as_millis() / 1000)
            .expect("small")
            .min(9)] += 1;
        let next = schedule.wait(Pace::Steady);
        assert!(next >= SECOND * 9 && next <= SECOND * 11, "{next:?}");
    }
    assert!(
        slots[1..].iter().all(|count| (50..200).contains(count)),
        "{slots:?}"
    );
}
