//! A Helm and a kubectl that are several words, and are run by sudo: as those of `MicroK8s` are.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gantry_test::{ChartRepository, Run, Sandbox, User, skip, variable};

use super::Stack;

/// Who may read charts, in base64: `reader:hunter2-planted`.
const LOGIN: &str = "cmVhZGVyOmh1bnRlcjItcGxhbnRlZA==";

/// A stack of an ordinary user who may run one program as root, and may read no configuration of the cluster.
struct Ordinary {
    stack: Stack,
    /// What root runs.
    program: PathBuf,
    /// What it was run with.
    noted: PathBuf,
    rule: PathBuf,
}

impl Ordinary {
    fn new(test: &str, helm: u32) -> Option<Self> {
        let test = format!("helm::sudo::{test}");
        let (kubeconfig, programs) = (
            variable("GANTRY_TEST_KUBECONFIG"),
            variable("GANTRY_TEST_KUBERNETES"),
        );
        let (Some(kubeconfig), Some(programs)) = (kubeconfig, programs) else {
            skip(&test, "the cluster of examples/kubernetes");
            return None;
        };
        if !rustix::process::geteuid().is_root() || !Path::new("/etc/sudoers.d").is_dir() {
            skip(&test, "root, and sudo");
            return None;
        }
        let stack = Stack::at(Sandbox::of(User::Ordinary), helm, kubeconfig, programs);
        let program = stack.sandbox.path("bin/microk8s");
        let noted = stack.sandbox.path("noted");
        // As the real one: it has a configuration of its own, that nobody else may read.
        let Stack {
            kubeconfig,
            programs,
            ..
        } = &stack;
        let script = format!(
            "#!/bin/sh\numask 022\necho \"$(id -u) mark=$GANTRY_TEST_MARK home=$HOME $*\" >> {}\nexport KUBECONFIG={kubeconfig}\n\
             what=$1\nshift\ncase $what in\nhelm) exec {programs}/bin/helm{helm} \"$@\" ;;\nkubectl) exec {programs}/bin/kubectl \"$@\" \
             ;;\nesac\nexit 9\n",
            noted.display()
        );
        fs::write(&program, script).expect("a program");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("permissions");
        let number = stack.namespace.replace('-', "_");
        let rule = PathBuf::from(format!("/etc/sudoers.d/gantry_test_{number}"));
        let allowed = format!("nobody ALL=(root) NOPASSWD: {}\n", program.display());
        fs::write(&rule, allowed).expect("a rule");
        fs::set_permissions(&rule, fs::Permissions::from_mode(0o440)).expect("permissions");
        fs::create_dir(stack.sandbox.path("stack/home")).expect("a home");
        stack.sandbox.write("home/.keep", "");
        Some(Self {
            stack,
            program,
            noted,
            rule,
        })
    }

    /// The stack file, with these lines for its commands and for its release.
    fn file(&self, commands: &str, more: &str) {
        let namespace = &self.stack.namespace;
        self.stack.sandbox.write(
            "gantry.toml",
            &format!(
                "name = \"shop\"\n[kubernetes]\nnamespace = \"{namespace}\"\n{commands}\n[services.web.helm]\n\
                 create-namespace = true\n{more}\n"
            ),
        );
    }

    fn gantry(&self, words: &[&str], environment: &[(&str, &str)]) -> Run {
        let mut command = self.stack.sandbox.command(words);
        command
            .env("HOME", self.stack.sandbox.path("stack/home"))
            .env("GANTRY_TEST_MARK", "leaked")
            .env_remove("KUBECONFIG")
            .envs(environment.iter().copied());
        gantry_test::output(&mut command).into()
    }

    fn noted(&self) -> String {
        fs::read_to_string(&self.noted).unwrap_or_default()
    }

    /// Everything was done by root, in root's home, without the user's variables; and nothing of root's is left.
    fn expect_clean(&self) {
        let noted = self.noted();
        assert!(noted.contains(" helm "), "{noted}");
        for line in noted.lines() {
            assert!(line.starts_with("0 mark= home=/root "), "{line}");
        }
        let mut command = Command::new("find");
        command
            .args([self.stack.sandbox.home(), self.stack.sandbox.path("stack")])
            .args(["-user", "root"])
            .stdin(Stdio::null());
        let found: Run = gantry_test::output(&mut command).into();
        assert_eq!(found.stdout, "", "root's files are left");
    }
}

impl Drop for Ordinary {
    fn drop(&mut self) {
        // One that is gone is what is wanted.
        let _ = fs::remove_file(&self.rule);
    }
}

#[test]
fn a_microk8s_that_is_run_by_sudo() {
    let Some(user) = Ordinary::new("a_microk8s_that_is_run_by_sudo", 3) else {
        return;
    };
    assert_ne!(
        fs::metadata(user.stack.sandbox.home())
            .expect("a home")
            .uid(),
        0
    );
    let program = user.program.display();
    let commands = format!(
        "helm = [\"{program}\", \"helm\"]\nhelm-sudo = true\nkubectl = \"{program} kubectl\""
    );
    user.file(&commands, "chart = \"./web\"");
    user.gantry(&["up", "-d"], &[]).expect(0);
    assert_eq!(user.stack.release(), Some(("deployed".to_owned(), 1)));
    let secret = "chart = \"./web\"\nvalues = { text = { from-env = \"PW\" } }";
    user.file(&commands, secret);
    let up = user.gantry(&["up", "-d"], &[("PW", "hunter2")]);
    up.expect(0);
    assert!(up.stderr.contains("web says hunter2."), "{}", up.stderr);
    let diff = user.gantry(&["diff"], &[]);
    diff.expect(0);
    let doctor = user.gantry(&["doctor"], &[]);
    assert!(doctor.stdout.contains("sudo -n -H"), "{}", doctor.stdout);
    let noted = user.noted();
    assert!(noted.contains("kubectl config view"), "{noted}");
    assert!(!noted.contains("hunter2"), "{noted}");
    user.gantry(&["down"], &[]).expect(0);
    assert_eq!(user.stack.release(), None);
    user.expect_clean();
}

#[test]
fn variables_name_other_commands_than_the_stack_file() {
    let Some(user) = Ordinary::new("variables_name_other_commands", 4) else {
        return;
    };
    let program = user.program.display();
    user.file(
        "helm = \"no-helm\"\nkubectl = \"no-kubectl\"",
        "chart = \"./web\"",
    );
    let (helm, kubectl) = (format!("{program} helm"), format!("{program} kubectl"));
    let named = [
        ("GANTRY_HELM", helm.as_str()),
        ("GANTRY_KUBECTL", kubectl.as_str()),
    ];
    // Without root's rights nobody gives credentials.
    let refused = user.gantry(&["up", "-d"], &named);
    refused.expect(3);
    assert!(refused.stderr.contains("config view"), "{}", refused.stderr);
    let half = [
        &named[..],
        &[("GANTRY_HELM_SUDO", "1"), ("GANTRY_KUBECTL_SUDO", "0")],
    ]
    .concat();
    user.gantry(&["up", "-d"], &half).expect(3);
    assert_eq!(user.stack.release(), None);
    // Where nothing was run as root, nothing could be noted.
    let _ = fs::remove_file(&user.noted);
    let whole = [
        &named[..],
        &[("GANTRY_HELM_SUDO", "1"), ("GANTRY_KUBECTL_SUDO", "yes")],
    ]
    .concat();
    user.gantry(&["up", "-d"], &whole).expect(0);
    assert_eq!(user.stack.release(), Some(("deployed".to_owned(), 1)));
    user.gantry(&["down"], &whole).expect(0);
    let wrong = user.gantry(&["up", "-d"], &[("GANTRY_HELM_SUDO", "perhaps")]);
    wrong.expect(2);
    assert!(
        wrong.stderr.contains("GANTRY_HELM_SUDO is `perhaps`"),
        "{}",
        wrong.stderr
    );
    user.expect_clean();
}

#[test]
fn a_chart_is_fetched_by_sudo_with_the_password_of_its_repository() {
    let Some(user) = Ordinary::new("a_chart_is_fetched_by_sudo", 3) else {
        return;
    };
    let repository = ChartRepository::serve(user.stack.sandbox.path("repository"), LOGIN);
    let repository = repository.expect("a listener");
    let folder = repository.folder().display().to_string();
    let helm = |words: &[&str]| {
        let mut command = Command::new(format!("{}/bin/helm3", user.stack.programs));
        command.args(words).stdin(Stdio::null());
        Run::from(gantry_test::output(&mut command)).expect(0);
    };
    let chart = user.stack.sandbox.path("stack/web").display().to_string();
    helm(&["package", &chart, "--destination", &folder]);
    helm(&["repo", "index", &folder, "--url", &repository.url()]);
    user.stack.sandbox.write("pw", "hunter2-planted");
    let program = user.program.display();
    let commands = format!(
        "helm = [\"{program}\", \"helm\"]\nhelm-sudo = true\nkubectl = [\"{program}\", \"kubectl\"]\n[repositories.own]\nurl = \
         \"{}\"\nusername = \"reader\"\npassword = {{ from-file = \"pw\" }}",
        repository.url()
    );
    user.file(&commands, "chart = \"own/web\"");
    user.gantry(&["up", "-d"], &[]).expect(0);
    assert_eq!(user.stack.release(), Some(("deployed".to_owned(), 1)));
    let noted = user.noted();
    for words in ["--repository-config /dev/stdin", "--repository-cache"] {
        assert!(noted.contains(words), "{words} in {noted}");
    }
    assert!(!noted.contains("hunter2"), "{noted}");
    user.gantry(&["down"], &[]).expect(0);
    // What a chart's folder needs lands in that folder.
    let needs = format!(
        "apiVersion: v2\nname: outer\nversion: 0.1.0\ndependencies:\n  - {{ name: web, version: 1.2.3, repository: '{}' }}\n",
        repository.url()
    );
    user.stack.sandbox.write("outer/Chart.yaml", &needs);
    user.file(&commands, "chart = \"./outer\"");
    user.gantry(&["up", "-d"], &[]).expect(0);
    user.gantry(&["down"], &[]).expect(0);
    user.expect_clean();
}
