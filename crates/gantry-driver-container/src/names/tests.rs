use std::sync::Arc;

use gantry_core::{Digest, Generation, InstanceId, Revision, ServiceName};
use gantry_driver::{LogPolicy, Recorded, Settings, StackIdentity};
use serde_json::Value;

use super::{Names, Tag};

fn names(home: &str) -> Names {
    Names::new(&StackIdentity {
        name: "shop".into(),
        id: "shop-1".into(),
        state_dir: home.into(),
        base_dir: home.into(),
    })
}

#[test]
fn what_is_written_on_a_container_is_read_by_its_own_stack_only() {
    let instance = InstanceId::new(ServiceName::new("web").expect("a name"), 1);
    let logs = LogPolicy {
        max_size: 4096,
        keep: 2,
        ..LogPolicy::default()
    };
    let from = Recorded {
        revision: Revision(3),
        digest: Digest([0xab; 16]),
        spec: Arc::new(Value::Null),
        settings: Arc::new(Settings {
            logs: logs.clone(),
            ..Settings::default()
        }),
    };
    let labels = names("/home/one").tag(&instance, Generation(7), &from);
    let tag = Tag {
        instance,
        generation: Generation(7),
        revision: Some(from.revision),
        digest: Some(from.digest),
        logs,
    };
    assert_eq!(names("/home/one").read(&labels), Some(tag));
    assert_eq!(names("/home/two").read(&labels), None);
}
