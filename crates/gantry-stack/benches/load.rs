//! From a file to the checked model: 10,000 services, in both formats.

use camino::Utf8Path;
use criterion::{Criterion, criterion_group, criterion_main};
use gantry_stack::{LoadOptions, load};

mod large;

// The one that the binary has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn whole(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let folder = Utf8Path::from_path(folder.path()).expect("its name is UTF-8");
    let mut group = c.benchmark_group("load-10000");
    group.sample_size(10);
    for (name, text) in [("toml", large::toml()), ("yaml", large::yaml())] {
        let file = folder.join(format!("stack.{name}"));
        std::fs::write(&file, text).expect("the file can be written");
        let options = LoadOptions {
            files: vec![file],
            folder: folder.to_owned(),
            ..LoadOptions::default()
        };
        group.bench_function(name, |b| {
            b.iter_with_large_drop(|| load(&options).expect("the stack is right"));
        });
    }
    group.finish();
}

criterion_group!(benches, whole);
criterion_main!(benches);
