//! 200 templates of 100 lines: rendered, and then looked at again with nothing to do.

use std::fmt::Write as _;
use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use criterion::{Criterion, criterion_group, criterion_main};
use gantry_render::{Options, prepare};
use gantry_stack::load::{LoadOptions, Loaded, load};

const TEMPLATES: usize = 200;

/// A template of 100 lines, with a loop, a condition and twenty values.
fn template(number: usize) -> String {
    let mut text =
        format!("services:\n  s{number}:\n    image: {{{{ image }}}}\n    environment:\n");
    for line in 0..20 {
        let _ = writeln!(
            text,
            "      V{line}: \"{{{{ services.s{number}.port_host }}}}\""
        );
    }
    text.push_str("{%- for word in words if word != 'c' %}\n      W{{ loop.index }}: {{ word | upper }}\n{%- endfor %}\n");
    text.push_str("{%- if services is defined %}\n      YES: \"1\"\n{%- endif %}\n");
    while text.lines().count() < 100 {
        text.push_str("      # a line as it is, with ${A_VARIABLE} left for Compose\n");
    }
    text
}

fn project(root: &Utf8Path) -> Loaded {
    let mut config = "image: busybox\nwords: [a, b, c]\nservices:\n".to_owned();
    let mut deployed = "deployed_services:\n".to_owned();
    for number in 0..TEMPLATES {
        let folder = root.join(format!("services/s{number}"));
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("docker-compose.yml.j2"), template(number)).expect("a file");
        let _ = writeln!(
            config,
            "  s{number}: {{ path: services/s{number}, port_host: {} }}",
            9000 + number
        );
        let _ = writeln!(deployed, "- s{number}");
    }
    fs::write(root.join("config.yml"), config + &deployed).expect("a file");
    let options = LoadOptions {
        files: vec!["config.yml".into()],
        folder: root.to_owned(),
        ..LoadOptions::default()
    };
    load(&options).unwrap_or_else(|report| panic!("{report}"))
}

fn render(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let root = Utf8PathBuf::from_path_buf(folder.path().to_owned()).expect("its name is text");
    let loaded = project(&root);
    let options = |write| Options {
        now: "2026-01-01T00:00:00".to_owned(),
        write,
        ..Options::default()
    };
    let mut group = c.benchmark_group("render-200");
    group.sample_size(10);
    group.bench_function("nothing-there", |b| {
        b.iter(|| {
            let prepared =
                prepare(&loaded, &options(false)).unwrap_or_else(|report| panic!("{report}"));
            assert!(prepared.changes.len() >= TEMPLATES);
        });
    });
    prepare(&loaded, &options(true)).unwrap_or_else(|report| panic!("{report}"));
    group.bench_function("nothing-to-do", |b| {
        b.iter(|| {
            let prepared =
                prepare(&loaded, &options(true)).unwrap_or_else(|report| panic!("{report}"));
            assert!(prepared.changes.is_empty());
        });
    });
    group.finish();
}

criterion_group!(benches, render);
criterion_main!(benches);
