//! Every target over its seeds and mutations of them: a short run that every test run makes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gantry_fuzz::TARGETS;

/// For each target; a run stops at whichever comes first.
const MUTATIONS: u32 = 20_000;
const TIME: Duration = Duration::from_secs(4);

/// Bytes that mean something to one of the parsers.
const WORDS: [&str; 24] = [
    "{{",
    "}}",
    "{{{{",
    "${",
    "}",
    "$$",
    ":-",
    ":?",
    "[",
    "]",
    "\"",
    "\"\"\"",
    "'",
    "\n",
    "\t",
    ": ",
    "- ",
    "&a ",
    "*a",
    "!reset ",
    "|",
    "services.a.ports.b",
    "default(",
    "\u{feff}",
];

#[test]
fn no_input_breaks_a_parser() {
    for (name, run) in TARGETS {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for seed in &seeds {
            run(seed);
        }
        let begin = Instant::now();
        let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
        for _ in 0..MUTATIONS {
            let input = chance.mutate(&seeds);
            let before = Instant::now();
            run(&input);
            let took = before.elapsed();
            let shown = String::from_utf8_lossy(&input);
            assert!(
                took < Duration::from_secs(2),
                "{name} took {took:?} for {shown:?}"
            );
            if begin.elapsed() > TIME {
                break;
            }
        }
    }
}

/// The files of the target's own folder; for stack files, every stack file of the repository's
/// examples and of the tests about wrong ones.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here
        .parent()
        .expect("the fuzz targets are in the workspace");
    let own = here.join("seeds").join(name);
    let others = [
        "examples/quickstart",
        "examples/web",
        "crates/gantry-stack/tests/wrong",
    ];
    let mut paths = files(&own);
    for folder in others {
        let files = files(&root.join(folder)).into_iter();
        paths.extend(files.filter(|path| path.extension().is_some_and(|kind| kind == name)));
    }
    paths
        .iter()
        .map(|path| fs::read(path).expect("a seed can be read"))
        .collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    paths
}

/// xorshift64*: the same inputs in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).unwrap_or(0) % limit.max(1)
    }

    fn mutate(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            let place = self.below(bytes.len() + 1);
            match self.below(6) {
                0 => bytes.truncate(place),
                1 => {
                    let end = (place + self.below(8)).min(bytes.len());
                    bytes.drain(place..end);
                }
                2 => {
                    let word = WORDS[self.below(WORDS.len())];
                    bytes.splice(place..place, word.bytes());
                }
                3 => {
                    let other = &seeds[self.below(seeds.len())];
                    let from = self.below(other.len());
                    let end = (from + self.below(40)).min(other.len());
                    bytes.splice(place..place, other[from..end].iter().copied());
                }
                4 => {
                    let end = (place + self.below(20)).min(bytes.len());
                    let piece = bytes[place..end].to_vec();
                    bytes.splice(place..place, piece);
                }
                _ => {
                    if let Some(byte) = bytes.get_mut(place) {
                        *byte = u8::try_from(self.below(256)).unwrap_or(0);
                    }
                }
            }
        }
        bytes
    }
}
