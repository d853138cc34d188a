use serde_json::json;

use super::*;

fn documents(text: &str) -> (Vec<Document>, Vec<String>) {
    let (mut documents, mut wrong) = (Vec::new(), Vec::new());
    parse("m.yaml".into(), text, &mut documents, &mut wrong);
    twice(&documents, &mut wrong);
    let wrong = wrong.iter().map(ToString::to_string).collect();
    (documents, wrong)
}

const ONE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: one }\n";

#[test]
fn a_stream_has_documents_with_places() {
    let text = format!(
        "# a comment\n---\n{ONE}---\n# nothing\n---\n{}",
        ONE.replace("one", "two")
    );
    let (documents, wrong) = documents(&text);
    assert_eq!(wrong, Vec::<String>::new());
    let places: Vec<_> = documents
        .iter()
        .map(|it| {
            (
                it.object["metadata"]["name"].as_str().unwrap(),
                it.place.line,
            )
        })
        .collect();
    assert_eq!(places, [("one", 2), ("two", 8)]);
}

#[test]
fn a_list_is_its_items() {
    let text = "apiVersion: v1\nkind: List\nitems:\n\
                - { apiVersion: v1, kind: ConfigMap, metadata: { name: a } }\n\
                - { apiVersion: v1, kind: Secret, metadata: { name: a } }\n";
    let (documents, wrong) = documents(text);
    assert_eq!((documents.len(), wrong.len()), (2, 0), "{wrong:?}");
}

#[test]
fn what_is_written_arrives() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n  annotations: { nvidia.com/gpu: \"1\" }\n\
                data: { big: 9007199254740993, zeros: \"007\", nothing: null, empty: {}, on: \"on\" }\n";
    let (documents, wrong) = documents(text);
    assert_eq!(wrong, Vec::<String>::new());
    let data = &documents[0].object["data"];
    assert_eq!(
        *data,
        json!({ "big": 9_007_199_254_740_993_u64, "zeros": "007", "nothing": null, "empty": {}, "on": "on" })
    );
    let annotations = &documents[0].object["metadata"]["annotations"];
    assert_eq!(annotations["nvidia.com/gpu"], "1");
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let text = format!(
        "{ONE}---\nkind: Pod\nmetadata: {{ name: x }}\n---\napiVersion: v1\nkind: Pod\nmetadata: {{}}\n---\n\
         apiVersion: v1\nkind: [Pod\nmetadata: x\n---\n- a list\n---\n{ONE}---\napiVersion: batch/v1\nkind: Job\n\
         metadata: {{ generateName: job- }}\n"
    );
    let (documents, wrong) = documents(&text);
    assert_eq!(documents.len(), 2);
    let wrong: Vec<&str> = wrong.iter().map(String::as_str).collect();
    assert_eq!(wrong.len(), 6, "{wrong:#?}");
    assert_eq!(wrong[0], "m.yaml:4 (document 2): it has no `apiVersion`");
    assert_eq!(
        wrong[1],
        "m.yaml:7 (document 3): Pod: it has no `metadata.name`"
    );
    assert!(
        wrong[2].starts_with("m.yaml:1") && wrong[2].contains("(document 4): it does not parse: ")
    );
    assert!(
        wrong[3].contains("(document 5): it is no object"),
        "{}",
        wrong[3]
    );
    assert!(
        wrong[4].contains("(document 7): Job: it has a `generateName`"),
        "{}",
        wrong[4]
    );
    assert!(
        wrong[5].ends_with("(document 6): configmap/one stands on line 1 already"),
        "{}",
        wrong[5]
    );
}

#[test]
fn folders_and_patterns_are_their_files() {
    let folder = tempfile::tempdir().unwrap();
    let at = Utf8Path::from_path(folder.path()).unwrap();
    for name in ["b.yaml", "a.yml", "c.json", "notes.txt"] {
        fs::write(at.join(name), format!("{{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"metadata\": {{\"name\": \"{name}\"}}}}")).unwrap();
    }
    let names = |paths: &[Utf8PathBuf]| -> Vec<String> {
        let documents = read(paths).unwrap();
        let names = documents
            .iter()
            .map(|it| it.object["metadata"]["name"].as_str());
        names.map(|name| name.unwrap().to_owned()).collect()
    };
    assert_eq!(names(&[at.to_owned()]), ["a.yml", "b.yaml", "c.json"]);
    assert_eq!(
        names(&[at.join("*.yaml"), at.join("c.json")]),
        ["b.yaml", "c.json"]
    );
    let wrong = read(&[at.join("d.yaml"), at.join("*.toml")]).unwrap_err();
    let reasons: Vec<_> = wrong.iter().map(|it| it.reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "there is no such file or folder",
            "no file matches this pattern"
        ]
    );
    let before = sum(&[at.to_owned()]).unwrap();
    fs::write(at.join("a.yml"), ONE).unwrap();
    assert_ne!(sum(&[at.to_owned()]).unwrap(), before);
}
