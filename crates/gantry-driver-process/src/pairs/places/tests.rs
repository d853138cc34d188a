use super::*;

fn instance(service: &str, slot: u16) -> InstanceId {
    InstanceId::new(ServiceName::new(service).unwrap(), slot)
}

fn assign(places: &mut Places, service: &str, slot: u16) -> u32 {
    let (pair, before) = places.assign(&instance(service, slot), false);
    assert_eq!(before, None);
    pair
}

#[test]
fn pairs_are_filled_one_after_the_other_and_room_is_used_again() {
    let mut places = Places::new(2);
    let pairs = (0..5).map(|slot| assign(&mut places, "a", slot));
    assert_eq!(pairs.collect::<Vec<_>>(), [1, 1, 2, 2, 3]);
    assert_eq!(assign(&mut places, "a", 2), 2, "where it is");
    places.forget(&instance("a", 1));
    places.forget(&instance("a", 1));
    assert_eq!(places.of(&instance("a", 1)), FIRST_PAIR);
    assert!(!places.is_elsewhere(2, &instance("a", 1)));
    assert!(places.is_elsewhere(2, &instance("a", 0)));
    assert_eq!(assign(&mut places, "b", 0), 1);
    assert_eq!(assign(&mut places, "b", 1), 3);
    places.vacate(2);
    assert_eq!(assign(&mut places, "a", 2), 2);
    assert_eq!(
        places.of_service(&ServiceName::new("a").unwrap()),
        [1, 2, 3].into()
    );
}

#[test]
fn what_is_found_stays_where_it_was_started_last() {
    let mut places = Places::new(2);
    let found = |slot, generation| (instance("a", slot), Generation(generation));
    places.found(1, vec![found(0, 3), found(1, 1)]);
    places.found(2, vec![found(0, 2), found(1, 4), found(2, 1)]);
    let pairs = (0..3).map(|slot| assign(&mut places, "a", slot));
    assert_eq!(pairs.collect::<Vec<_>>(), [1, 2, 2]);
    assert_eq!(assign(&mut places, "b", 0), 1, "it has one only");
}

#[test]
fn who_shares_sockets_comes_together() {
    let mut places = Places::new(1);
    for slot in 0..3 {
        assign(&mut places, "a", slot);
    }
    let together = |places: &mut Places, slot| places.assign(&instance("a", slot), true);
    assert_eq!(together(&mut places, 2), (1, Some(3)));
    assert_eq!(together(&mut places, 1), (1, Some(2)));
    assert_eq!(together(&mut places, 0), (1, None));
    assert_eq!(together(&mut places, 3), (1, None), "more than fit");
    assert_eq!(assign(&mut places, "b", 0), 2);
}

#[test]
fn one_pair_has_all_if_it_knows_no_others_and_the_last_has_what_is_too_much() {
    let mut places = Places::new(0);
    assert!((0..9000).all(|slot| assign(&mut places, "a", slot) == FIRST_PAIR));
    let mut places = Places::new(1);
    let last = (0..200).map(|slot| assign(&mut places, "a", slot)).max();
    assert_eq!(last, Some(LAST_PAIR));
}
