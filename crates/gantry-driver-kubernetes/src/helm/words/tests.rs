use super::*;

fn repository(url: &str, user: Option<&str>) -> Repository {
    Repository {
        url: url.into(),
        ca_file: None,
        username: user.map(Into::into),
        password: user.map(|_| "pw".into()),
    }
}

#[test]
fn repositories_are_written_as_helm_reads_them() {
    let one = repository("https://charts.example/a", Some("u"));
    let other = repository("oci://registry.example/b", None);
    let more = [
        "https://charts.example/a/".to_owned(),
        "https://other.example".to_owned(),
    ];
    let text = repositories([("a", &one), ("b", &other)], &more);
    let read: Value = serde_json::from_slice(&text).unwrap();
    let names: Vec<&str> = read["repositories"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["a", "gantry-0"]);
    assert_eq!(read["repositories"][0]["password"], "pw");
    assert_eq!(read["repositories"][1]["url"], "https://other.example");
}

#[test]
fn credentials_of_a_registry_are_for_its_host() {
    let text = registry(&repository("oci://registry.example:5000/b/c", Some("u"))).unwrap();
    let read: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(read["auths"]["registry.example:5000"]["auth"], "dTpwdw==");
    assert!(registry(&repository("oci://registry.example", None)).is_none());
    for (host, local) in [
        ("localhost:5000", true),
        ("127.0.0.1", true),
        ("example.com:443", false),
    ] {
        assert_eq!(is_local(host), local, "{host}");
    }
}

#[test]
fn values_never_stand_in_the_words() {
    let spec = serde_json::from_value(json!({
        "chart": "/chart", "on-stuck": "fail", "values-files": ["/a.yaml"], "values": { "pw": "hunter2" },
    }));
    let spec: HelmSpec = spec.unwrap();
    let upgrade = Upgrade {
        spec: &spec,
        release: "web",
        namespace: "shop",
        chart: "/chart",
        labels: Vec::new(),
        limit: Duration::from_secs(5),
    };
    let served = [Served {
        api_version: "apps/v1".to_owned(),
        kind: "Deployment".to_owned(),
    }];
    let words = upgrade.template_words("v1.34.0", &served);
    let said = words.join(" ");
    assert_eq!(
        said,
        "template web /chart --namespace shop --kube-version v1.34.0 --api-versions apps/v1 --api-versions \
         apps/v1/Deployment --include-crds --values /a.yaml --values -"
    );
    assert!(!said.contains("hunter2"), "{said}");
    assert!(upgrade.input().is_some());
}
