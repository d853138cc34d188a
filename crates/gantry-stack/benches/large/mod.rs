//! A stack of 10,000 services, in both formats.

use std::fmt::Write as _;

const SERVICES: usize = 10_000;

/// As TOML.
pub(crate) fn toml() -> String {
    let mut text = String::from(
        "name = \"large\"\n[vars]\ntag = \"1.4\"\n[services.base.process]\ncommand = [\"base\"]\n",
    );
    for n in 0..SERVICES {
        let (before, port) = (before(n), 10_000 + n);
        let _ = write!(
            text,
            "\n[services.svc-{n}]\ndescription = \"Service number {n}\"\ndepends-on = [\"{before}\"]\n\
             ports = {{ http = {port} }}\nenv = {{ LEVEL = \"${{LEVEL:-info}}\", URL = \"http://{{{{ services.{before}.host }}}}\" }}\n\
             readiness = {{ tcp = \"http\", interval = \"500ms\" }}\nrestart = {{ policy = \"on-failure\", max = 5 }}\n\
             [services.svc-{n}.process]\ncommand = [\"bin/serve\", \"--port\", \"{{{{ ports.http }}}}\"]\n"
        );
    }
    text
}

/// As YAML.
pub(crate) fn yaml() -> String {
    let mut text = String::from(
        "name: large\nvars:\n  tag: \"1.4\"\nservices:\n  base:\n    process: { command: [base] }\n",
    );
    for n in 0..SERVICES {
        let (before, port) = (before(n), 10_000 + n);
        let _ = write!(
            text,
            "  svc-{n}:\n    description: Service number {n}\n    depends-on: [{before}]\n    ports: {{ http: {port} }}\n    \
             env:\n      LEVEL: ${{LEVEL:-info}}\n      URL: http://{{{{ services.{before}.host }}}}\n    \
             readiness: {{ tcp: http, interval: 500ms }}\n    restart: {{ policy: on-failure, max: 5 }}\n    \
             process:\n      command: [bin/serve, --port, \"{{{{ ports.http }}}}\"]\n"
        );
    }
    text
}

/// What a service needs: the one before it, and the first of them `base`.
fn before(n: usize) -> String {
    match n.checked_sub(1) {
        Some(before) => format!("svc-{before}"),
        None => "base".to_owned(),
    }
}
