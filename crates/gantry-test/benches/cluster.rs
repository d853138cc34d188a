//! What much in a cluster takes: 500 forwards, 2,000 objects, 50 releases and 200. It needs the cluster of
//! `examples/kubernetes`, as its tests do. With words as arguments, only the parts that are named.
//!
//! Releases are made by Helm, one process each, which takes minutes; what is measured is what gantry does about those that
//! are there.

#![expect(clippy::print_stdout, reason = "a bench says what it measured")]

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gantry_test::Sandbox;

const CALLS: usize = 21;

const FORWARDS: usize = 500;
/// Kilobytes of the supervisor.
const FORWARDS_MEMORY: u64 = 40_000;

const OBJECTS: usize = 2_000;
const SERVICES: usize = 20;
const RELEASES: [usize; 2] = [50, 200];

const STATUS: Duration = Duration::from_millis(100);
const SECOND_UP: Duration = Duration::from_secs(2);

fn main() {
    let Some([kubeconfig, programs]) = gantry_test::cluster() else {
        println!("skipped: needs the cluster of examples/kubernetes and its programs");
        return;
    };
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let parts: [Part; 3] = [
        ("forwards", forwards),
        ("objects", objects),
        ("releases", |case| {
            for count in RELEASES {
                releases(case, count);
            }
        }),
    ];
    for (name, part) in parts {
        if words.is_empty() || words.iter().any(|word| *word == name) {
            let case = Case::new(name, &kubeconfig, &programs);
            part(&case);
            case.end();
        }
    }
}

type Part = (&'static str, fn(&Case));

/// A stack in a namespace of its own.
struct Case {
    sandbox: Sandbox,
    namespace: String,
    kubeconfig: String,
    programs: String,
}

impl Case {
    fn new(name: &str, kubeconfig: &str, programs: &str) -> Self {
        let case = Self {
            sandbox: Sandbox::new(),
            namespace: format!("bench-{name}-{}", std::process::id()),
            kubeconfig: kubeconfig.to_owned(),
            programs: programs.to_owned(),
        };
        case.kubectl(&["create", "namespace", &case.namespace]);
        case
    }

    fn kubectl(&self, words: &[&str]) -> String {
        let mut command = Command::new(format!("{}/bin/kubectl", self.programs));
        command.args(["--kubeconfig", &self.kubeconfig, "-n", &self.namespace]);
        command.args(words).stdin(Stdio::null());
        let output = gantry_test::output(&mut command);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn write(&self, services: &str) {
        let Self {
            kubeconfig,
            programs,
            namespace,
            ..
        } = self;
        let text = format!(
            "name = \"bench\"\n[kubernetes]\nkubeconfig = \"{kubeconfig}\"\nnamespace = \"{namespace}\"\nhelm = \"{programs}/bin/helm3\"\n{services}"
        );
        self.sandbox.write("gantry.toml", &text);
    }

    /// How long a verb takes that must do well.
    fn time(&self, words: &[&str]) -> Duration {
        let begin = Instant::now();
        let run = self.sandbox.gantry(words.iter().copied());
        let took = begin.elapsed();
        run.expect(0);
        took
    }

    /// The median of what `status` takes, and what all of it is promised to.
    fn status(&self, what: &str) {
        let mut times: Vec<Duration> = (0..CALLS).map(|_| self.time(&["status"])).collect();
        times.sort_unstable();
        tell(&format!("status of {what}"), times[CALLS / 2], Some(STATUS));
    }

    /// Which version of the whole cluster's state each of these has.
    fn versions(&self, kind: &str) -> String {
        let path = "jsonpath={range .items[*]}{.metadata.name}={.metadata.resourceVersion} {end}";
        self.kubectl(&["get", kind, "-o", path])
    }

    fn end(&self) {
        tell("down", self.time(&["down", "--timeout", "10m"]), None);
        self.kubectl(&["delete", "namespace", &self.namespace, "--wait=false"]);
    }
}

fn tell(what: &str, took: Duration, promise: Option<Duration>) {
    let word = match promise {
        None => String::new(),
        Some(promise) if took <= promise => format!(", promise of {promise:?} kept"),
        Some(promise) => format!(", promise of {promise:?} BROKEN"),
    };
    println!("{what}: {took:.3?}{word}");
}

fn forwards(case: &Case) {
    case.sandbox.write(
        "pods/all.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec:\n  selector: { matchLabels: { app: web } }\n  \
         template:\n    metadata: { labels: { app: web } }\n    spec:\n      terminationGracePeriodSeconds: 1\n      \
         containers: [{ name: one, image: 'busybox:1.36', command: [sh, -c, \"trap 'exit 0' TERM; nc -ll -p 8000 -e cat & while :; do sleep 0.1; done\"] }]\n",
    );
    let forward = "{ service = \"deployment/web\", local = 0, remote = 8000 }";
    let forwards = vec![forward; FORWARDS].join(", ");
    case.write(&format!(
        "[services.web]\nstart-timeout = \"5m\"\nforward = [{forwards}]\n[services.web.kubernetes]\nmanifests = \"pods\"\n"
    ));
    let what = format!("{FORWARDS} forwards");
    tell(&format!("up of {what}"), case.time(&["up", "-d"]), None);
    std::thread::sleep(Duration::from_secs(10));
    let supervisor = case.sandbox.status()["supervisor"]["pid"].to_string();
    let memory = proportional(&supervisor);
    let kept = if memory <= FORWARDS_MEMORY {
        "kept"
    } else {
        "BROKEN"
    };
    println!("memory of {what}: {memory} kB, promise of {FORWARDS_MEMORY} kB {kept}");
    case.status(&what);
}

/// The memory of a process in kilobytes, its share of what it shares with others included.
fn proportional(process: &str) -> u64 {
    let rollup = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup"));
    let rollup = rollup.expect("its memory");
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let number = line.expect("its share").trim().trim_end_matches(" kB");
    number.parse().expect("a number")
}

fn objects(case: &Case) {
    let mut services = String::new();
    for service in 0..SERVICES {
        let mut text = String::new();
        for object in 0..OBJECTS / SERVICES {
            let name = format!("s{service}-{object}");
            let _ = write!(
                text,
                "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name} }}\ndata: {{ text: {name} }}\n"
            );
        }
        case.sandbox.write(format!("s{service}/all.yaml"), &text);
        let _ = write!(
            services,
            "[services.s{service}]\nstart-timeout = \"5m\"\n[services.s{service}.kubernetes]\nmanifests = \"s{service}\"\n"
        );
    }
    case.write(&services);
    let what = format!("{OBJECTS} objects");
    tell(&format!("up of {what}"), case.time(&["up", "-d"]), None);
    let before = case.versions("configmaps");
    tell(
        &format!("second up of {what}"),
        case.time(&["up", "-d"]),
        Some(SECOND_UP),
    );
    assert_eq!(before, case.versions("configmaps"), "something was written");
    case.status(&what);
}

fn releases(case: &Case, count: usize) {
    case.sandbox.write(
        "chart/Chart.yaml",
        "apiVersion: v2\nname: one\nversion: 1.0.0\n",
    );
    case.sandbox.write(
        "chart/templates/one.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: '{{ .Release.Name }}' }\ndata: { text: one }\n",
    );
    let mut services = String::new();
    for number in 0..count {
        let _ = write!(
            services,
            "[services.r{number}]\nstart-timeout = \"10m\"\n[services.r{number}.helm]\nchart = \"./chart\"\n"
        );
    }
    case.write(&services);
    let what = format!("{count} releases");
    tell(&format!("up of {what}"), case.time(&["up", "-d"]), None);
    let before = ["configmaps", "secrets"].map(|kind| case.versions(kind));
    let promise = (count == RELEASES[0]).then_some(SECOND_UP);
    tell(
        &format!("second up of {what}"),
        case.time(&["up", "-d"]),
        promise,
    );
    let after = ["configmaps", "secrets"].map(|kind| case.versions(kind));
    assert_eq!(before, after, "something was written");
    case.status(&what);
}
