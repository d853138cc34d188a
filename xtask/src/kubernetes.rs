//! The programs and images of `examples/kubernetes`: a cluster that is itself a stack.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Context as _;

use crate::shell;

mod images;
mod words;

/// The release of Kubernetes, as the module in the example pins it.
const VERSION: &str = "1.34.4";

/// How a machine gets Go.
pub(crate) const GO: &str =
    "install 1.26 or newer: the package golang-go of Debian's backports, or https://go.dev/dl";

/// What is built from other modules; the rest is the example's own.
const PROGRAMS: [&str; 6] = [
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubectl",
    "kubelet",
];

/// Both releases of Helm that are in use, as the modules in `xtask/helm` pin them: for tests.
const HELM: [(u32, &str); 2] = [(3, "v3.22.0"), (4, "v4.3.1")];

/// The programs that the example has itself.
const OWN: [&str; 3] = ["./coredns", "./edge", "./volumes"];

/// What to do.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Build the programs (and Helm) and make the images, into `target/kubernetes`. The first time takes about nine
    /// minutes of two processors, and fetches 300 MB of Go modules.
    Build,
    /// Fail in many ways, with kubectl or Helm and with gantry, and write down what each says.
    Words(words::Args),
}

/// Do it.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.what {
        What::Build => {
            build()?;
            println!("built: {}", folder().display());
            Ok(ExitCode::SUCCESS)
        }
        What::Words(args) => words::run(args),
    }
}

/// Where they are.
pub(crate) fn folder() -> PathBuf {
    shell::root().join("target/kubernetes")
}

/// Builds what is missing or old.
pub(crate) fn build() -> anyhow::Result<()> {
    anyhow::ensure!(shell::find_program("go").is_some(), "no Go here: {GO}");
    let module = shell::root().join("examples/kubernetes/programs");
    let mut numbers = VERSION.split('.');
    let (major, minor) = (numbers.next(), numbers.next());
    let [major, minor] = [major, minor].map(Option::unwrap_or_default);
    let at = "k8s.io/component-base/version";
    let flags = format!(
        "-s -w -X {at}.gitVersion=v{VERSION} -X {at}.gitMajor={major} -X {at}.gitMinor={minor}"
    );
    let bin = folder().join("bin");
    std::fs::create_dir_all(&bin)?;
    let mut go = Command::new("go");
    go.args(["build", "-trimpath", "-ldflags", &flags, "-o"])
        .arg(format!("{}/", bin.display()))
        .args(PROGRAMS.map(|program| format!("k8s.io/kubernetes/cmd/{program}")))
        .args(OWN)
        .env("CGO_ENABLED", "0")
        .current_dir(module);
    shell::run(&mut go).context("failed to build the cluster's programs")?;
    for (release, version) in HELM {
        let at = format!("helm.sh/helm/v{release}");
        let mut go = Command::new("go");
        go.args(["build", "-trimpath", "-ldflags"])
            .arg(format!("-s -w -X {at}/internal/version.version={version}"))
            .arg("-o")
            .arg(bin.join(format!("helm{release}")))
            .arg(format!("{at}/cmd/helm"))
            .env("CGO_ENABLED", "0")
            .current_dir(shell::root().join(format!("xtask/helm/v{release}")));
        shell::run(&mut go).with_context(|| format!("failed to build Helm {release}"))?;
    }
    images::make(&folder().join("images")).context("failed to make the cluster's images")
}
