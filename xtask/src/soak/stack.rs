//! The services of a soak.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::ensure;
use gantry_test::Sandbox;

/// The size at which a log is rotated, and how many rotated ones stay.
const LOG: (u64, u64) = (64 * 1024, 2);

/// The services, by what is done with them.
pub(super) struct Names {
    pub(super) all: Vec<String>,
    /// Those that run until they are told to end.
    pub(super) steady: Vec<String>,
}

/// The kinds: a name, what its service does, and what else its table says.
const KINDS: [(&str, &str, &str); 5] = [
    ("steady", "exec sleep 100000", ""),
    ("chatter", "while :; do seq 1 200; sleep 0.2; done", ""),
    (
        "crash",
        "echo begun; sleep 0.$$(( $$$$ % 9 + 1 )); echo 'about to fail' >&2; exit 3",
        "restart = { policy = \"always\", backoff = \"10ms..500ms\", max = 0 }",
    ),
    (
        "forks",
        "(setsid sleep 3 &); (sleep 0.1; echo grandchild) & sleep 1; echo over",
        "restart = { policy = \"always\", backoff = \"10ms..100ms\", max = 0 }",
    ),
    (
        "probed",
        "exec sleep 100000",
        "readiness = { command = [\"true\"], interval = \"1s\" }",
    ),
];

/// Write the stack file.
pub(super) fn write(sandbox: &Sandbox, each: usize) -> Names {
    let mut file = "name = \"soak\"\n".to_owned();
    let mut names = Names {
        all: Vec::new(),
        steady: Vec::new(),
    };
    for (kind, script, more) in KINDS {
        for number in 1..=each {
            let name = format!("{kind}{number}");
            let (size, keep) = LOG;
            write!(
                file,
                "[services.{name}]\nlogs = {{ max-size = \"{}KiB\", keep = {keep} }}\n{more}\n\
                 [services.{name}.process]\ncommand = [\"sh\", \"-c\", {script:?}]\n",
                size / 1024
            )
            .expect("a string takes everything");
            if kind == "steady" {
                names.steady.push(name.clone());
            }
            names.all.push(name);
        }
    }
    sandbox.write("gantry.toml", &file);
    names
}

/// How many log files there are, and how large all are together.
pub(super) fn logs(sandbox: &Sandbox) -> (u64, u64) {
    let files = log_folders(sandbox).into_iter().flat_map(files_of);
    files.fold((0, 0), |(count, sum), size| (count + 1, sum + size))
}

/// No log has more files, or larger ones, than its service may have.
pub(super) fn check_logs(sandbox: &Sandbox) -> anyhow::Result<()> {
    // One chunk may pass the limit, and time and stream stand before each line.
    let limit = LOG.0 * 2;
    for folder in log_folders(sandbox) {
        let files = files_of(folder.clone());
        ensure!(
            files.len() as u64 <= LOG.1 + 2,
            "{} has {} files",
            folder.display(),
            files.len()
        );
        ensure!(
            files.iter().all(|size| *size <= limit),
            "{} has files of {files:?} bytes",
            folder.display()
        );
    }
    Ok(())
}

fn log_folders(sandbox: &Sandbox) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![sandbox.home()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        for path in entries
            .map(|entry| entry.path())
            .filter(|path| path.is_dir())
        {
            if path.ends_with("log") {
                found.push(path);
            } else {
                folders.push(path);
            }
        }
    }
    found
}

fn files_of(folder: PathBuf) -> Vec<u64> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| Some(entry.metadata().ok()?.len()))
        .collect()
}
