use camino::Utf8Path;

use super::*;

fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = Utf8Path::from_path(folder.path()).unwrap().to_owned();
    (folder, path)
}

#[test]
fn a_chart_is_named_in_four_ways() {
    let repository = Place::Repository {
        repository: "bitnami".into(),
        chart: "redis".into(),
    };
    let cases = [
        ("/charts/web", Place::Here("/charts/web".into())),
        (
            "/charts/web-1.0.0.tgz",
            Place::Here("/charts/web-1.0.0.tgz".into()),
        ),
        ("bitnami/redis", repository),
        ("oci://a/b", Place::Address("oci://a/b".into())),
        ("https://a/b.tgz", Place::Address("https://a/b.tgz".into())),
    ];
    for (text, place) in cases {
        assert_eq!(Place::of(text), place);
    }
}

#[test]
fn what_is_no_chart_says_why() {
    let (_folder, path) = folder();
    let chart = path.join("web");
    assert_eq!(metadata(&chart), Err(format!("there is no chart {chart}")));
    fs::create_dir(&chart).unwrap();
    let reason = format!("{chart} is no chart: it has no Chart.yaml");
    assert_eq!(metadata(&chart), Err(reason));
    fs::write(chart.join("Chart.yaml"), "name: web\n").unwrap();
    let reason = format!("the Chart.yaml of {chart} names no name or no version");
    assert_eq!(metadata(&chart), Err(reason));
    let archive = path.join("web.tgz");
    fs::write(&archive, "nothing").unwrap();
    let wrong = metadata(&archive).unwrap_err();
    assert!(wrong.contains("is no chart: "), "{wrong}");
}

#[test]
fn an_archive_is_read_as_a_folder_is() {
    let (_folder, path) = folder();
    let archive = path.join("web-1.2.3.tgz");
    let file = fs::File::create(&archive).unwrap();
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(
        file,
        flate2::Compression::fast(),
    ));
    for (name, text) in [
        (
            "web/charts/other/Chart.yaml",
            "name: other\nversion: 9.9.9\n",
        ),
        (
            "web/Chart.yaml",
            "name: web\nversion: 1.2.3\nappVersion: '7'\n",
        ),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, text.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap();
    assert_eq!(metadata(&archive).unwrap().to_string(), "web-1.2.3");
}

#[test]
fn a_sum_differs_when_a_file_does_and_not_when_a_chart_is_fetched() {
    let (_folder, path) = folder();
    let chart = path.join("web");
    fs::create_dir_all(chart.join("templates")).unwrap();
    fs::write(chart.join("Chart.yaml"), "name: web\nversion: 1.0.0\n").unwrap();
    fs::write(chart.join("templates/a.yaml"), "a").unwrap();
    let values = [path.join("values.yaml")];
    let now = || sum(chart.as_str(), &values).unwrap();
    let first = now();
    fs::create_dir(chart.join("charts")).unwrap();
    fs::write(chart.join("charts/redis-1.0.0.tgz"), "x").unwrap();
    assert_eq!(first, now());
    fs::write(chart.join("templates/a.yaml"), "b").unwrap();
    let second = now();
    assert_ne!(first, second);
    fs::write(&values[0], "a: 1").unwrap();
    assert_ne!(second, now());
    // Of a chart elsewhere only the name is known.
    assert_eq!(sum("a/b", &[]).unwrap(), sum("a/c", &[]).unwrap());
}

#[test]
fn what_a_chart_needs_is_looked_for() {
    let (_folder, path) = folder();
    let needs = |version: &str| Metadata {
        dependencies: vec![Dependency {
            name: "redis".into(),
            version: version.into(),
            repository: "https://charts.example".into(),
            alias: None,
        }],
        ..Metadata::default()
    };
    assert_eq!(missing_dependencies(&path, &needs("1.0.0")), ["redis"]);
    fs::create_dir(path.join("charts")).unwrap();
    fs::write(path.join("charts/redis-cluster-1.0.0.tgz"), "").unwrap();
    assert_eq!(missing_dependencies(&path, &needs("1.0.0")), ["redis"]);
    fs::write(path.join("charts/redis-1.0.0.tgz"), "").unwrap();
    assert!(missing_dependencies(&path, &needs("1.0.0")).is_empty());
    assert!(missing_dependencies(&path, &needs("~1.0")).is_empty());
    assert_eq!(missing_dependencies(&path, &needs("2.0.0")), ["redis"]);
}
