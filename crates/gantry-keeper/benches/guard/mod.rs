//! A guard of a bench's own.

#![expect(
    clippy::disallowed_methods,
    reason = "who measures the guard starts it, as the command line would"
)]

use std::process::{Child, Command as Program, Stdio};
use std::time::{Duration, Instant};

use camino::Utf8Path;
use gantry_keeper::client::Client;
use gantry_keeper::layout::Layout;
use gantry_keeper::protocol::{Command, EventBody, LogPolicy, Request, Role, Spawn};

/// It ends when it is dropped; nothing may run by then.
pub(crate) struct Guard {
    folder: tempfile::TempDir,
    process: Child,
    pub(crate) client: Client,
}

impl Guard {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = Utf8Path::from_path(folder.path()).expect("UTF-8");
        let process = Program::new(env!("CARGO_BIN_EXE_keeper-fixture"))
            .args(["guard", dir.as_str()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a guard");
        let client = connect(dir);
        Self {
            folder,
            process,
            client,
        }
    }

    pub(crate) fn layout(&self) -> Layout {
        Layout::new(Utf8Path::from_path(self.folder.path()).expect("UTF-8"))
    }

    /// Take events until so many of them are wanted ones.
    pub(crate) fn until(&mut self, count: usize, wanted: fn(&EventBody) -> bool) {
        let deadline = Instant::now() + Duration::from_mins(1);
        let mut seen = 0;
        while seen < count {
            let event = self.client.event(deadline).expect("an event");
            seen += usize::from(wanted(&event.body));
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        std::fs::write(self.layout().root().join("end"), "").expect("a file");
        self.process.wait().expect("the guard ends");
    }
}

fn connect(dir: &Utf8Path) -> Client {
    loop {
        match Client::open(dir, Role::Supervisor, 0) {
            Ok(client) => return client,
            Err(_) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}

/// Start this.
pub(crate) fn spawn(name: &str, generation: u32, argv: &[&str], log: LogPolicy) -> Request {
    Request::Spawn(Spawn {
        instance: name.parse().expect("a name"),
        generation,
        command: Box::new(Command {
            argv: argv.iter().map(ToString::to_string).collect(),
            env: vec![("PATH".into(), "/usr/bin:/bin".into())],
            cwd: "/".into(),
            ..Command::default()
        }),
        log,
    })
}
