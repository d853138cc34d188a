//! The cluster of `examples/kubernetes`: two at the same time, each with pods, a volume, names and ways in, and
//! nothing left of either.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use gantry_test::{Run, Sandbox, skip, wait_for, wait_until};

use crate::support::{all_ready, example, get, pids};

/// Whatever a loaded machine needs to pull up a cluster.
const PATIENCE: Duration = Duration::from_mins(3);

/// What is put into each.
const WORK: &str = r#"
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: pages }
spec:
  accessModes: [ReadWriteOnce]
  resources: { requests: { storage: 1Mi } }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: web
          image: busybox:1.36
          command: [sh, -c, "echo pages of CLUSTER > /pages/index.html; exec httpd -f -p 8000 -h /pages"]
          readinessProbe: { tcpSocket: { port: 8000 }, periodSeconds: 1 }
          volumeMounts: [{ name: pages, mountPath: /pages }]
      volumes: [{ name: pages, persistentVolumeClaim: { claimName: pages } }]
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  type: LoadBalancer
  selector: { app: web }
  ports: [{ port: 8080, targetPort: 8000 }]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: web }
spec:
  rules:
    - host: web.example
      http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: web, port: { number: 8080 } } } }] }
---
apiVersion: batch/v1
kind: Job
metadata: { name: asks }
spec:
  backoffLimit: 10
  template:
    spec:
      restartPolicy: OnFailure
      terminationGracePeriodSeconds: 0
      containers:
        - name: asks
          image: busybox:1.36
          # Debian's static busybox looks names up, but only this one of its programs can.
          command:
            - sh
            - -c
            - |
              until address=$(nslookup web.default.svc.cluster.local | sed -n "s/^Address: //p"); [ "$address" ] &&
                printf "GET / HTTP/1.0\r\n\r\n" | nc "$address" 8080 | grep "pages of"
              do sleep 0.2; done
"#;

/// The first thing that the example needs and that is not here.
pub(crate) fn missing() -> Option<&'static str> {
    if !rustix::process::geteuid().is_root() {
        return Some("root");
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = || std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    let found = |program: &&str| folders().any(|dir| dir.join(program).is_file());
    let needed = [
        "containerd",
        "ctr",
        "runc",
        "etcd",
        "iptables",
        "conntrack",
        "openssl",
        "ip",
        "nsenter",
        "unshare",
    ];
    let missing = needed.into_iter().find(|program| !found(program));
    let built = programs().is_some_and(|at| at.join("bin/kube-apiserver").is_file());
    let network = Path::new("/usr/lib/cni/bridge").is_file();
    missing
        .or((!network).then_some("containernetworking-plugins"))
        .or((!built).then_some("the cluster's programs (`cargo xtask kubernetes build`, with Go)"))
}

fn programs() -> Option<PathBuf> {
    std::env::var_os("GANTRY_TEST_KUBERNETES").map(PathBuf::from)
}

pub(crate) struct Cluster {
    number: u8,
    pub(crate) sandbox: Sandbox,
}

impl Cluster {
    pub(crate) fn new(number: u8) -> Self {
        let sandbox = Sandbox::new();
        sandbox.copy(&example("kubernetes"));
        Self { number, sandbox }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.sandbox.command(words);
        command
            .env("CLUSTER", self.number.to_string())
            .env("CLUSTER_PROGRAMS", programs().expect("the programs"));
        command
    }

    pub(crate) fn gantry(&self, words: &[&str]) -> Run {
        gantry_test::output(&mut self.command(words)).into()
    }

    /// The process of one of its own services.
    pub(crate) fn process(&self, name: &str) -> gantry_test::Process {
        let status = self.gantry(&["status", "-o", "json"]).expect(0).json();
        let id = format!("{name}.1");
        let pids = pids(&status);
        let found = pids.iter().find(|(instance, _)| *instance == id);
        let (_, pid) = found.unwrap_or_else(|| panic!("no {name} in {pids:?}"));
        let pid = i32::try_from(*pid).expect("a pid");
        gantry_test::Process::find(pid).expect("it runs")
    }

    pub(crate) fn folder(&self) -> PathBuf {
        format!("/run/gantry-kubernetes-{}", self.number).into()
    }

    pub(crate) fn kubectl(&self, words: &[&str]) -> Run {
        let mut command = Command::new(programs().expect("the programs").join("bin/kubectl"));
        command
            .arg("--kubeconfig")
            .arg(self.folder().join("admin.conf"))
            .args(words)
            .stdin(Stdio::null());
        gantry_test::output(&mut command).into()
    }

    /// Pods that run and find each other, a volume, and the ways in.
    fn work(&self) {
        let page = format!("pages of {}\n", self.number);
        let manifest = WORK.replace("CLUSTER", &self.number.to_string());
        let manifest = self.sandbox.write("work.yaml", &manifest);
        self.kubectl(&["apply", "-f", &manifest.to_string_lossy()])
            .expect(0);
        for what in [
            &["rollout", "status", "deployment/web", "--timeout=180s"][..],
            &[
                "wait",
                "--for=condition=Complete",
                "job/asks",
                "--timeout=180s",
            ],
        ] {
            self.kubectl(what).expect(0);
        }
        // The pod found the Service by its name, once somebody was ready behind it.
        let asked = self.kubectl(&["logs", "job/asks"]);
        assert!(asked.expect(0).stdout.ends_with(&page), "{}", asked.stdout);
        let claim = self.kubectl(&["get", "pvc", "pages", "-o", "jsonpath={.status.phase}"]);
        assert_eq!(claim.expect(0).stdout, "Bound");
        let node = format!("10.90.{}.2", self.number);
        // From this machine: by the LoadBalancer's address, and by the Ingress.
        let balanced = format!("{node}:8080");
        wait_for(PATIENCE, "the load balancer's address", || {
            let answer = get(&balanced, "/").ok();
            answer.filter(|(code, body)| *code == 200 && *body == page)
        });
        let asked = || {
            let mut curl = Command::new("curl");
            curl.args([
                "--silent",
                "--max-time",
                "5",
                "--header",
                "Host: web.example",
            ])
            .arg(format!("http://{node}/"));
            Run::from(gantry_test::output(&mut curl)).stdout
        };
        wait_until(PATIENCE, "the Ingress answers", asked, |body| *body == page);
        let secret = "jsonpath={.data.tls\\.crt}";
        let secret = self.kubectl(&[
            "get",
            "secret",
            "gantry-ca",
            "-n",
            "kube-system",
            "-o",
            secret,
        ]);
        assert!(!secret.expect(0).stdout.is_empty(), "the CA's certificate");
    }

    /// Everything that would tell that it was ever there.
    fn traces(&self) -> Vec<String> {
        let mut traces = Vec::new();
        let folder = self.folder();
        let name = folder.to_string_lossy();
        if folder.exists() {
            traces.push(format!("the folder {name}"));
        }
        let link = format!("gantry-k{}", self.number);
        if Path::new("/sys/class/net").join(&link).exists() {
            traces.push(format!("the network device {link}"));
        }
        let routes = fs::read_to_string("/proc/net/route").unwrap_or_default();
        // The second network of pods, in the order in which the kernel writes its bytes.
        let pods = format!("00{:02X}5B0A", self.number);
        if routes.contains(&pods) {
            traces.push("a route to its pods".to_owned());
        }
        for root in fs::read_dir("/sys/fs/cgroup")
            .into_iter()
            .flatten()
            .flatten()
        {
            let own = format!("gantry-kubernetes-{}", self.number);
            for group in [root.path().join(&own), root.path()] {
                if group.ends_with(&own) && group.is_dir() {
                    traces.push(format!("the group {}", group.display()));
                }
            }
        }
        for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let at = process.path();
            for (what, file) in [("process", "cmdline"), ("mount of", "mountinfo")] {
                let text = fs::read(at.join(file)).unwrap_or_default();
                let text = String::from_utf8_lossy(&text);
                if text.contains(&*name) {
                    let text = text.replace('\0', " ");
                    traces.push(format!("the {what} {}: {text}", at.display()));
                }
            }
        }
        traces
    }
}

#[test]
fn two_clusters_are_two_stacks_and_leave_nothing() {
    let test = "cluster::two_clusters_are_two_stacks_and_leave_nothing";
    if let Some(what) = missing() {
        return skip(test, what);
    }
    let clusters = [Cluster::new(231), Cluster::new(232)];
    std::thread::scope(|scope| {
        for cluster in &clusters {
            scope.spawn(move || {
                let up = cluster.gantry(&["up", "-d", "--timeout", "240s"]);
                up.expect(0);
            });
        }
    });
    std::thread::scope(|scope| {
        for cluster in &clusters {
            scope.spawn(|| cluster.work());
        }
    });
    for cluster in &clusters {
        let status = cluster.gantry(&["status", "-o", "json"]).expect(0).json();
        assert!(all_ready(&status), "{status:#}");
    }
    for cluster in &clusters {
        cluster.gantry(&["down"]).expect(0);
        cluster.sandbox.expect_nothing_left();
        assert_eq!(cluster.traces(), Vec::<String>::new());
    }
}
