use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use super::FileCheck;

#[test]
fn existence_age_and_content() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("ready");
    let mut check = FileCheck {
        path: path.clone(),
        max_age: None,
        contains: None,
    };
    let now = SystemTime::from(Timestamp::now());
    let outcome = check.look(now);
    assert_eq!(
        outcome.evidence,
        format!("{} does not exist", path.display())
    );
    assert!(!outcome.healthy);

    std::fs::write(&path, "state: booting\n").expect("write");
    assert!(check.look(now).healthy);

    check.contains = Some("state: ready".into());
    let outcome = check.look(now);
    assert_eq!(
        outcome.evidence,
        format!("{} does not contain \"state: ready\"", path.display())
    );
    std::fs::write(&path, "state: ready\n").expect("write");
    assert!(check.look(now).healthy);

    check.max_age = Some(Duration::from_secs(10));
    assert!(check.look(now).healthy, "fresh");
    let outcome = check.look(now + Duration::from_secs(65));
    assert!(!outcome.healthy);
    assert!(
        outcome.evidence.contains("wanted at most 10s"),
        "{}",
        outcome.evidence
    );
}
