use std::collections::BTreeMap;

use super::met;
use crate::judge::Standing;
use crate::project::Until;
use crate::record::Needs;

#[test]
fn a_part_is_due_when_all_it_waits_for_has_come() {
    let needs: Needs = BTreeMap::from([(
        "web".to_owned(),
        vec![
            ("db".to_owned(), Until::Healthy),
            ("migrate".to_owned(), Until::Completed),
        ],
    )]);
    let standing = |db: Standing, migrate: Standing| {
        BTreeMap::from([("db".to_owned(), db), ("migrate".to_owned(), migrate)])
    };
    let none = Standing::default();
    let started = Standing {
        started: true,
        ..none
    };
    let ready = Standing {
        ready: true,
        ..started
    };
    let completed = Standing {
        completed: true,
        ..ready
    };
    assert!(met(&needs, "db", &BTreeMap::new()), "it waits for nothing");
    for (db, migrate, due) in [
        (none, none, false),
        (ready, started, false),
        (started, completed, false),
        (ready, completed, true),
    ] {
        assert_eq!(met(&needs, "web", &standing(db, migrate)), due);
    }
}
