//! From text to one merged tree with variables put in: 10,000 services, in both formats.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use gantry_stack::diagnostic::Diagnostics;
use gantry_stack::import::{Inputs, read_stack};
use gantry_stack::interpolate::{Variables, interpolate};
use gantry_stack::layer::{Layer, merge};
use gantry_stack::read::{Format, read_as};
use gantry_stack::source::SourceMap;

mod large;

use large::{toml, yaml};

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse-10000");
    group.sample_size(10);
    for (name, format, text) in [
        ("toml", Format::Toml, toml()),
        ("yaml", Format::Yaml, yaml()),
    ] {
        let mut sources = SourceMap::new();
        let id = sources.add_file("gantry", Layer::File, text);
        group.bench_function(name, |b| {
            b.iter_with_large_drop(|| {
                let mut diagnostics = Diagnostics::new();
                let node = read_as(format, id, &sources, &mut diagnostics);
                assert!(diagnostics.is_empty());
                node
            });
        });
    }
    group.finish();
}

fn after(c: &mut Criterion) {
    let mut sources = SourceMap::new();
    let id = sources.add_file("gantry", Layer::File, yaml());
    let mut diagnostics = Diagnostics::new();
    let node = read_as(Format::Yaml, id, &sources, &mut diagnostics);
    let variables = Variables::default();
    let mut group = c.benchmark_group("after-10000");
    group.sample_size(10);
    group.bench_function("merge", |b| {
        b.iter_batched(
            || (node.clone(), node.clone()),
            |(lower, upper)| merge(lower, upper, &mut Diagnostics::new()),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("interpolate", |b| {
        b.iter_batched(
            || node.clone(),
            |mut node| {
                interpolate(&mut node, &variables, &sources, &mut Diagnostics::new());
                node
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn whole(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = camino::Utf8Path::from_path(folder.path()).expect("UTF-8");
    let mut group = c.benchmark_group("read-stack-10000");
    group.sample_size(10);
    for (name, text) in [("gantry.toml", toml()), ("gantry.yaml", yaml())] {
        std::fs::write(path.join(name), text).expect("the file is written");
        let inputs = Inputs {
            files: vec![name.into()],
            folder: path.to_owned(),
            ..Inputs::default()
        };
        group.bench_function(name, |b| {
            b.iter_with_large_drop(|| {
                let mut diagnostics = Diagnostics::new();
                let tree = read_stack(black_box(&inputs), &mut SourceMap::new(), &mut diagnostics);
                assert!(diagnostics.is_empty());
                tree
            });
        });
    }
    group.finish();
}

criterion_group!(benches, parse, after, whole);
criterion_main!(benches);
