//! What is wrong with services in clusters, told before any cluster is asked.

use std::fmt::Write as _;

use insta::assert_snapshot;

use crate::support::Stack;

/// Files that are right.
const WEB: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web }\ndata: { a: b }\n";
const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\n";

/// What `validate` says of each of these lines behind that head, below its name.
fn told(head: &str, cases: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, lines) in cases {
        let stack = Stack::empty();
        stack.write("web.yaml", WEB);
        std::fs::create_dir_all(stack.path().join("chart/templates")).expect("a folder");
        stack.write("chart/Chart.yaml", CHART);
        stack.write("gantry.toml", &format!("{head}\n{lines}\n"));
        let _ = writeln!(text, "# {name}\n{}", stack.shown(&["validate"]));
    }
    text
}

#[test]
fn what_is_wrong_with_a_service_of_manifests() {
    let told = told(
        "[services.web.kubernetes]",
        &[
            ("nothing", ""),
            ("both", "manifests = \"web.yaml\"\nkustomize = \".\""),
            (
                "a key that is none",
                "manifests = \"web.yaml\"\nnamspace = \"x\"",
            ),
            ("a file that is not there", "manifests = \"wbe.yaml\""),
            ("a pattern that matches nothing", "manifests = \"*.yml\""),
            ("a number for a path", "manifests = 7"),
            ("a list with a number", "manifests = [\"web.yaml\", 7]"),
            (
                "a word for a switch",
                "manifests = \"web.yaml\"\ncreate-namespace = \"yes\"",
            ),
            (
                "a time without a unit",
                "manifests = \"web.yaml\"\nsettle = \"2\"",
            ),
            (
                "another way to stop",
                "manifests = \"web.yaml\"\nstop = \"sleep\"",
            ),
            (
                "an object without a kind",
                "manifests = \"web.yaml\"\nready-when = { web = \"true\" }",
            ),
            (
                "an expression that ends too early",
                "manifests = \"web.yaml\"\nready-when = { \"pod/web\" = \"self.status.phase ==\" }",
            ),
            (
                "an image that is a number",
                "manifests = \"web.yaml\"\nimages = { web = 1 }",
            ),
            (
                "a reference to nobody",
                "manifests = \"web.yaml\"\nnamespace = \"{{ services.db.host }}\"",
            ),
            (
                "a probe in the wrong place",
                "manifests = \"web.yaml\"\nreadiness = { tcp = 80 }",
            ),
        ],
    );
    assert_snapshot!("manifests", told);
}

#[test]
fn what_is_wrong_in_a_manifest() {
    let mut text = String::new();
    for (name, manifest) in [
        ("no YAML", "a: [1\n"),
        ("no object", "- 1\n- 2\n"),
        ("no kind", "apiVersion: v1\nmetadata: { name: a }\n"),
        ("no apiVersion", "kind: Pod\nmetadata: { name: a }\n"),
        ("no name", "apiVersion: v1\nkind: Pod\nmetadata: {}\n"),
        ("the second document", &format!("{WEB}---\nkind: Pod\n")),
        ("the same object twice", &format!("{WEB}---\n{WEB}")),
        (
            "a key twice",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, name: b }\n",
        ),
        (
            "a template",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: {{ .Release.Name }} }\n",
        ),
        (
            "a tab",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: a\n",
        ),
    ] {
        let stack = Stack::of("[services.web.kubernetes]\nmanifests = \"web.yaml\"\n");
        stack.write("web.yaml", manifest);
        let _ = writeln!(text, "# {name}\n{}", stack.shown(&["validate"]));
    }
    assert_snapshot!("manifest", text);
}

#[test]
fn what_is_wrong_with_a_release() {
    let told = told(
        "[services.web.helm]",
        &[
            ("nothing", ""),
            ("a chart that is not there", "chart = \"./chrat\""),
            ("a folder that is no chart", "chart = \"./chart/templates\""),
            (
                "a key that is none",
                "chart = \"./chart\"\nvalues-file = \"a.yaml\"",
            ),
            (
                "a word that is none",
                "chart = \"./chart\"\non-stuck = \"retry\"",
            ),
            (
                "values that are a list",
                "chart = \"./chart\"\nvalues = [1]",
            ),
            (
                "a value twice",
                "chart = \"./chart\"\nvalues = { \"a.b\" = 1, a = { b = 2 } }",
            ),
            (
                "a value with an empty name",
                "chart = \"./chart\"\nvalues = { \"a..b\" = 1 }",
            ),
            (
                "a history that is none",
                "chart = \"./chart\"\nhistory = -1",
            ),
            (
                "labels that are a list",
                "chart = \"./chart\"\nlabels = [\"a\"]",
            ),
            (
                "a time that is none",
                "chart = \"./chart\"\ntimeout = \"soon\"",
            ),
            (
                "a secret of nothing",
                "chart = \"./chart\"\nvalues = { a = { from-nothing = \"x\" } }",
            ),
            ("a repository that nobody named", "chart = \"shop/web\""),
            (
                "a repository without an address",
                "chart = \"./chart\"\n[repositories.shop]\nusername = \"a\"",
            ),
            (
                "a command without words",
                "chart = \"./chart\"\n[kubernetes]\nhelm = []",
            ),
            (
                "no command at all",
                "chart = \"./chart\"\n[kubernetes]\nhelm-sudo = \"always\"",
            ),
        ],
    );
    assert_snapshot!("release", told);
}

/// A chart that needs another one, and a service beside it that has no release.
fn with_a_chart() -> Stack {
    let stack = Stack::of(
        "[vars]\ntag = \"1.4\"\n[services.web.helm]\nchart = \"./chart\"\nvalues-files = \"own.yaml\"\n\
         [services.web.helm.values]\n\"image.tag\" = \"{{ vars.tag }}\"\nimage = { pull = \"Always\" }\n\
         password = { from-env = \"PASSWORD\" }\n\
         [services.job.process]\ncommand = [\"true\"]\n",
    );
    let folder = stack.path().join("chart/charts/db/templates");
    std::fs::create_dir_all(folder).expect("a folder");
    std::fs::create_dir_all(stack.path().join("chart/templates")).expect("a folder");
    let needs = format!("{CHART}dependencies: [{{ name: db, version: 2.0.0, alias: store }}]\n");
    stack.write("chart/Chart.yaml", &needs);
    stack.write(
        "chart/charts/db/Chart.yaml",
        "apiVersion: v2\nname: db\nversion: 2.0.0\n",
    );
    stack.write(
        "chart/charts/db/values.yaml",
        "port: 5432\nuser: postgres\n",
    );
    stack.write(
        "chart/values.yaml",
        "image:\n  tag: latest\n  pull: IfNotPresent\nstore: { user: shop }\nlist: [1, two]\nextra: {}\n",
    );
    stack.write(
        "own.yaml",
        "limits:\n  nvidia.com/gpu: 1\nzeros: \"007\"\ngone: null\nempty: {}\n",
    );
    stack.write("ci.yaml", "image: { pull: Never }\n");
    stack
}

#[test]
fn the_values_of_a_release_are_shown_with_where_they_were_written() {
    let stack = with_a_chart();
    let plain = stack.shown(&["render", "--show-values"]);
    assert_snapshot!("values", plain);
    let words = [
        "render",
        "--show-values",
        "--values",
        "web:ci.yaml",
        "--set-value",
        "image.tag=1.10",
        "--set-value",
        "web:list=[3, \"4\", null]",
        "--set-value",
        "annotations.example\\.com/a\\:b=true",
        "-o",
        "json",
    ];
    assert_snapshot!("values_from_flags", stack.shown(&words));
    let broken = stack.path().join("own.yaml");
    std::fs::write(broken, "a: [1\n").expect("a file");
    assert_snapshot!(
        "values_that_are_none",
        stack.shown(&["render", "--show-values"])
    );
}

#[test]
fn what_is_wrong_with_values_on_the_command_line() {
    let stack = with_a_chart();
    let mut text = String::new();
    for (flag, value) in [
        ("--set-value", "tag"),
        ("--set-value", "=1"),
        ("--set-value", "a..b=1"),
        ("--set-value", "wbe:a=1"),
        ("--set-value", "job:a=1"),
        ("--set-value", "a[0]=1"),
        ("--set-value", "a=1,b=2"),
        ("--set-value", "a={x,y}"),
        ("--set-value", "a=[1"),
        ("--set-value", "a=\"1\"2"),
        ("--set-value", "a={{ services.db.host }}"),
        ("--values", ""),
        ("--values", "wbe:ci.yaml"),
        ("--values", "job:ci.yaml"),
    ] {
        let told = stack.shown(&["validate", flag, value]);
        let _ = writeln!(text, "# {flag} {value}\n{told}");
    }
    assert_snapshot!("values_of_flags", text);
    let stack = Stack::of("[services.job.process]\ncommand = [\"true\"]\n");
    let told = stack.shown(&["validate", "--set-value", "a=1"]);
    assert_snapshot!("values_for_nobody", told);
}

#[test]
fn what_is_wrong_with_a_forward() {
    let head = "[services.web.kubernetes]\nmanifests = \"web.yaml\"\n[services.web]";
    let told = told(
        head,
        &[
            ("nothing", "forward = [{}]"),
            (
                "no port here",
                "forward = [{ service = \"web\", remote = 80 }]",
            ),
            (
                "no port there",
                "forward = [{ service = \"web\", local = 80 }]",
            ),
            (
                "a port that is none",
                "forward = [{ service = \"web\", local = 70000, remote = 80 }]",
            ),
            (
                "one port for two",
                "forward = [{ service = \"a\", local = 8080, remote = 80 }, { service = \"b\", local = 8080, remote = 81 }]",
            ),
            (
                "a key that is none",
                "forward = [{ service = \"web\", local = 8080, remote = 80, adress = \"::1\" }]",
            ),
            ("no list", "forward = 8080"),
            (
                "a time that is none",
                "forward = [{ service = \"web\", local = 8080, remote = 80, connect-timeout = 10 }]",
            ),
        ],
    );
    assert_snapshot!("forward", told);
}
