//! The binaries under test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Where the programs that end-to-end tests run are.
#[derive(Clone, Debug)]
pub struct Binaries {
    /// `gantry` itself.
    pub gantry: PathBuf,
    /// The services of `examples/quickstart`.
    pub quickstart: PathBuf,
    /// The API of `examples/web`.
    pub web_api: PathBuf,
}

/// The programs of this workspace in the profile of the running test, built if they are not
/// current. `GANTRY_TEST_BINARIES` names a folder that has them already.
pub fn binaries() -> &'static Binaries {
    static FOUND: OnceLock<Binaries> = OnceLock::new();
    FOUND.get_or_init(|| {
        let folder = match std::env::var_os("GANTRY_TEST_BINARIES") {
            Some(folder) => PathBuf::from(folder),
            None => build(),
        };
        let found = Binaries {
            gantry: folder.join("gantry"),
            quickstart: folder.join("quickstart"),
            web_api: folder.join("web-api"),
        };
        for program in [&found.gantry, &found.quickstart, &found.web_api] {
            assert!(program.is_file(), "{} is not there", program.display());
        }
        found
    })
}

/// The folder of this workspace.
pub(crate) fn workspace() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .expect("this crate is two folders below the workspace")
}

/// The cargo that runs us, in the root folder of the workspace.
///
/// Without the variables by which it tells a program about its own package: there are build scripts that have
/// cargo watch them, and a cargo that finds others there than the last one builds a third of everything anew.
pub fn cargo() -> Command {
    const ITS_OWN: [&str; 4] = [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_BIN_",
        "CARGO_CRATE_",
    ];
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ITS_OWN.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    command
}

fn build() -> PathBuf {
    let own = std::env::current_exe().expect("a running program has a path");
    // target/<profile>/deps/<test>, or target/<profile>/xtask
    let folder = own.parent().expect("a program is in a folder");
    let folder = match folder.parent() {
        Some(above) if folder.ends_with("deps") => above,
        _ => folder,
    };
    let mut command = cargo();
    command.args(["build", "--quiet", "--workspace", "--bins"]);
    if folder.ends_with("release") {
        command.arg("--release");
    }
    let status = command.status().expect("cargo runs");
    assert!(
        status.success(),
        "building the binaries under test ended with {status}"
    );
    folder.to_owned()
}
