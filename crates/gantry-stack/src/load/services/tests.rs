use std::fmt::Write as _;

use camino::Utf8Path;

use crate::diagnostic::Report;
use crate::load::{LoadOptions, Loaded, load};

/// Enough services for several threads.
const MANY: usize = 3_500;

fn read(service: impl Fn(usize) -> String) -> Result<Loaded, Report> {
    let folder = tempfile::tempdir().unwrap();
    let path = Utf8Path::from_path(folder.path()).unwrap();
    let mut text = "name = 'many'\n[vars]\nuser = 'u{{ services.s0.host }}'\n".to_owned();
    for n in 0..MANY {
        let _ = writeln!(text, "[services.s{n}]\n{}", service(n));
    }
    std::fs::write(path.join("gantry.toml"), text).unwrap();
    load(&LoadOptions {
        folder: path.to_owned(),
        ..LoadOptions::default()
    })
}

#[test]
fn many_services_keep_their_order_and_edges() {
    let loaded = read(|n| {
        let after = (n + 1) % MANY;
        let edge = if after == 0 {
            String::new()
        } else {
            format!("{{{{ services.s{after}.ports.p }}}}")
        };
        format!(
            "ports = {{ p = 0 }}\nprocess = {{ command = ['x', '{edge}', '{{{{ vars.user }}}}'] }}"
        )
    })
    .unwrap();
    let services = &loaded.stack.services;
    assert!(
        services
            .keys()
            .enumerate()
            .all(|(n, name)| name.as_str() == format!("s{n}"))
    );
    for (n, service) in services.values().enumerate().take(MANY - 1) {
        let edges: Vec<_> = service
            .depends_on
            .iter()
            .map(|edge| edge.service.as_str())
            .collect();
        assert_eq!(edges, [format!("s{}", n + 1)]);
        assert_eq!(service.run.spec["command"][0], "x");
    }
}

#[test]
fn many_services_have_all_their_complaints() {
    let report = read(|n| match n % 500 {
        7 => "process = { command = ['{{ vars.none }}'] }".to_owned(),
        9 => "process = { comand = ['x'], command = ['x'] }".to_owned(),
        _ => "process = { command = ['x'] }".to_owned(),
    })
    .unwrap_err();
    let lines: Vec<_> = report.plain().iter().filter_map(|one| one.line).collect();
    let expected: Vec<_> = (0..MANY)
        .filter(|n| matches!(n % 500, 7 | 9))
        .map(|n| 5 + 2 * n)
        .collect();
    assert_eq!(lines, expected);
}
