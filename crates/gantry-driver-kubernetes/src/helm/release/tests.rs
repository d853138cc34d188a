use super::*;

fn sample() -> Value {
    json!({
        "name": "web",
        "info": { "status": "deployed", "notes": "\nHello.\n" },
        "chart": {
            "metadata": { "name": "web", "version": "1.2.3", "appVersion": "7" },
            "files": [
                { "name": "README.md", "data": "eA==" },
                { "name": "crds/a.yaml", "data": BASE64_STANDARD.encode(
                    "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: as.example.com\n"
                ) },
            ],
        },
        "manifest": "---\n# Source: web/a.yaml\napiVersion: v1\nkind: Service\nmetadata:\n  name: web\n",
        "hooks": [{
            "name": "web-init", "kind": "Job",
            "manifest": "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: web-init\n",
        }],
        "version": 3,
    })
}

#[test]
fn what_is_packed_can_be_unpacked() {
    assert_eq!(unpack(&pack(&sample()).unwrap()), Some(sample()));
    assert_eq!(unpack(b"noise"), None);
}

#[test]
fn a_release_tells_what_it_has() {
    let release = Release(sample());
    let keys = |objects: Vec<Value>| -> Vec<String> {
        objects
            .iter()
            .map(|object| Key::of(object).short())
            .collect()
    };
    assert_eq!(keys(release.objects()), ["service/web"]);
    assert_eq!(keys(release.hooks()), ["job/web-init"]);
    assert_eq!(release.chart(), "web-1.2.3");
    assert_eq!(release.notes(), Some("Hello."));
    assert_eq!(release.definitions(), ["as.example.com"]);
}

#[test]
fn what_is_printed_may_have_warnings_before_it() {
    let text = format!("WARNING: something\n{}\n", sample());
    assert_eq!(Release::printed(&text).unwrap().chart(), "web-1.2.3");
    assert!(Release::printed("no object").is_none());
}
