//! A stack of its own for each test, of which nothing is left when the test ends, however it ends.

use std::process::{Child, Command as Program, Stdio};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use gantry_keeper::client::{Client, ClientError};
use gantry_keeper::layout::Layout;
use gantry_keeper::protocol::{
    Command, Event, EventBody, Exit, InstanceName, Listing, LogPolicy, Reply, Request, Role, Spawn,
};
use gantry_log::{LogFolder, Query};

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Stack {
    folder: tempfile::TempDir,
    guard: Child,
    trees: Trees,
    delegated: Option<Delegated>,
    pub(crate) client: Client,
}

/// The ordinary user of these tests.
pub(crate) const NOBODY: u32 = 65534;

/// How trees are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trees {
    /// By cgroup where there is one.
    Best,
    /// Without.
    Lineage,
    /// As an ordinary user, who may make no groups.
    Ordinary,
    /// As an ordinary user who was given a group.
    Delegated,
}

impl Trees {
    /// Those that can be tried here.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self::Best, Self::Lineage];
        if is_root() {
            all.push(Self::Ordinary);
            if own_group().is_some() {
                all.push(Self::Delegated);
            } else {
                gantry_test::skip(
                    "trees of an ordinary user's own group",
                    "cgroups of version 2",
                );
            }
        } else {
            gantry_test::skip("trees of another user", "root");
        }
        all
    }

    fn is_ordinary(self) -> bool {
        matches!(self, Self::Ordinary | Self::Delegated)
    }
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The group of version 2 that this test is in, if groups can be made below it.
pub(crate) fn own_group() -> Option<Utf8PathBuf> {
    let root = gantry_sys::CgroupRoot::open("gantry-test-probe").ok()?;
    root.remove();
    let path = root.path().parent()?.to_owned();
    Utf8PathBuf::from_path_buf(path).ok()
}

/// A group that belongs to the ordinary user.
struct Delegated(Utf8PathBuf);

impl Delegated {
    fn new() -> Self {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = own_group()
            .expect("a group to divide")
            .join(format!("gantry-test-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        for file in [
            "",
            "cgroup.procs",
            "cgroup.threads",
            "cgroup.subtree_control",
        ] {
            std::os::unix::fs::chown(path.join(file), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        Self(path)
    }
}

impl Drop for Delegated {
    fn drop(&mut self) {
        gantry_sys::Group::at(&self.0).remove();
    }
}

impl Stack {
    pub(crate) fn new() -> Self {
        Self::with(Trees::Best)
    }

    pub(crate) fn with(trees: Trees) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = Utf8Path::from_path(folder.path()).unwrap();
        if trees.is_ordinary() {
            std::os::unix::fs::chown(dir, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let delegated = (trees == Trees::Delegated).then(Delegated::new);
        let guard = start_guard(dir, trees, delegated.as_ref());
        let client = connect(dir);
        Self {
            folder,
            guard,
            trees,
            delegated,
            client,
        }
    }

    pub(crate) fn dir(&self) -> &Utf8Path {
        Utf8Path::from_path(self.folder.path()).unwrap()
    }

    pub(crate) fn layout(&self) -> Layout {
        Layout::new(self.dir())
    }

    pub(crate) fn guard_pid(&self) -> u32 {
        self.guard.id()
    }

    /// Connect again, as a new supervisor would that remembers nothing.
    pub(crate) fn reconnect(&mut self) {
        self.client = connect(self.dir());
    }

    /// Kill guard and keeper as if at one instant: the keeper is held, or it would take the guard's place.
    pub(crate) fn lose_guard_and_keeper(&mut self) {
        let keeper = self.client.welcome().keeper_pid;
        let process = gantry_sys::stat(keeper).unwrap().process();
        gantry_sys::send(process, 19).unwrap();
        kill(self.guard_pid());
        kill(keeper);
        eventually("they are gone", || !alive(keeper));
    }

    /// Start a guard where the one before was killed.
    pub(crate) fn new_guard(&mut self) {
        self.guard.wait().unwrap();
        self.guard = start_guard(self.dir(), self.trees, self.delegated.as_ref());
        self.reconnect();
    }

    pub(crate) fn wait_for_guard(&mut self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if self.guard.try_wait().unwrap().is_some() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    pub(crate) fn spawn(&mut self, name: &str, generation: u32, argv: &[&str]) {
        self.client
            .ask(spawn(name, generation, command(argv)))
            .unwrap();
    }

    pub(crate) fn shell(&mut self, name: &str, generation: u32, script: &str) {
        self.spawn(name, generation, &["sh", "-c", script]);
    }

    pub(crate) fn stop(&mut self, name: &str, generation: u32, grace_ms: u64) {
        self.client.ask(stop(name, generation, grace_ms)).unwrap();
    }

    /// The next event that `wanted` takes; those before it are dropped.
    pub(crate) fn until<T>(&mut self, mut wanted: impl FnMut(&EventBody) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let event = self.client.event(deadline).expect("an event");
            if let Some(found) = wanted(&event.body) {
                return found;
            }
        }
    }

    pub(crate) fn event(&mut self) -> Event {
        self.client.event(Instant::now() + PATIENCE).unwrap()
    }

    pub(crate) fn spawned(&mut self, wanted: &str) -> u32 {
        self.until(|body| match body {
            EventBody::Spawned {
                instance, process, ..
            } if instance.as_str() == wanted => Some(process.pid),
            EventBody::SpawnFailed { failure, .. } => panic!("{failure}"),
            _ => None,
        })
    }

    pub(crate) fn exited(&mut self, wanted: &str) -> Exit {
        self.until(|body| match body {
            EventBody::Exited { instance, exit, .. } if instance.as_str() == wanted => {
                Some(exit.clone())
            }
            _ => None,
        })
    }

    /// Wait until all of these have ended, in whatever order.
    pub(crate) fn all_exited(&mut self, names: &[String]) {
        let mut left: std::collections::BTreeSet<&str> = names.iter().map(String::as_str).collect();
        while !left.is_empty() {
            let name = self.until(|body| match body {
                EventBody::Exited { instance, .. } => Some(instance.clone()),
                _ => None,
            });
            assert!(left.remove(name.as_str()), "{name} twice");
        }
    }

    pub(crate) fn stopped(&mut self, wanted: &str) -> (Exit, bool) {
        self.until(|body| match body {
            EventBody::Stopped {
                instance,
                exit,
                killed,
                ..
            } if instance.as_str() == wanted => Some((exit.clone(), *killed)),
            _ => None,
        })
    }

    pub(crate) fn list(&mut self) -> Listing {
        match self.client.ask(Request::List).unwrap() {
            Reply::Listing(listing) => listing,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        let folder = LogFolder::new(self.layout().log(&instance(name)));
        let query = Query {
            without_notes: true,
            ..Query::default()
        };
        let lines = folder.read(&query).unwrap();
        lines.iter().map(|line| line.text().into_owned()).collect()
    }

    /// Wait until a service has printed this line.
    pub(crate) fn printed(&self, name: &str, line: &str) {
        eventually(&format!("{name} prints {line}"), || {
            self.lines(name).iter().any(|found| found == line)
        });
    }

    /// The group of the whole stack, if it has one.
    pub(crate) fn group(&self) -> Option<Utf8PathBuf> {
        let hash = gantry_sys::stack_hash(self.dir().as_std_path());
        let above = match (&self.delegated, self.trees) {
            (Some(Delegated(path)), _) => path.clone(),
            (None, Trees::Best) => own_group()?,
            (None, _) => return None,
        };
        Some(above.join(format!("gantry-{hash}")))
    }

    /// All processes that carry our mark or our folder in their environment.
    pub(crate) fn processes(&self) -> Vec<u32> {
        processes_of(self.dir())
    }

    /// Those of them that are services or jobs.
    pub(crate) fn services(&self) -> Vec<u32> {
        let mark = format!(
            "GANTRY_KEEPER_MARK={}/",
            gantry_sys::stack_hash(self.dir().as_std_path())
        );
        processes_with(&[&mark])
    }

    /// The pid of the keeper, whether it can be spoken to yet or not.
    pub(crate) fn keeper(&self) -> Option<u32> {
        let guard = self.guard_pid();
        let children = format!("/proc/{guard}/task/{guard}/children");
        let children = std::fs::read_to_string(children).unwrap();
        let mut children = children.split_whitespace().map(|pid| pid.parse().unwrap());
        children.find(|pid: &u32| {
            std::fs::read(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|line| line.windows(7).any(|part| part == b"\0guard\0"))
        })
    }

    /// The pid of the supervisor.
    pub(crate) fn supervisor(&self) -> Option<u32> {
        self.processes().into_iter().find(|pid| {
            std::fs::read_to_string(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|line| line.contains("\0wait\0"))
        })
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // The guard first, then its keeper and supervisor, then the services: else they come back.
        let _ = self.guard.kill();
        let _ = self.guard.wait();
        let deadline = Instant::now() + PATIENCE;
        // One that is born while the list is read may be in no list yet, and be a guard by the next.
        let mut looks_in_vain = 0;
        while looks_in_vain < 3 && Instant::now() < deadline {
            let left = self.processes();
            looks_in_vain = if left.is_empty() {
                looks_in_vain + 1
            } else {
                0
            };
            for pid in left {
                if let Some(stat) = gantry_sys::stat(pid) {
                    let _ = gantry_sys::send(stat.process(), 9);
                }
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        if let Some(path) = self.group() {
            gantry_sys::Group::at(path).remove();
        }
        let hash = gantry_sys::stack_hash(self.dir().as_std_path());
        if let Ok(old) = gantry_sys::OldHierarchies::find(&format!("gantry-{hash}"), true) {
            old.remove();
        }
    }
}

fn start_guard(dir: &Utf8Path, trees: Trees, delegated: Option<&Delegated>) -> Child {
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(dir.join("guard.log"))
        .unwrap();
    let fixture = env!("CARGO_BIN_EXE_keeper-fixture");
    let mut program = Program::new(if trees.is_ordinary() { "sh" } else { fixture });
    if trees.is_ordinary() {
        let join = delegated.map_or_else(String::new, |Delegated(path)| {
            format!("echo 0 > {path}/cgroup.procs && ")
        });
        let become_it = format!("--reuid {NOBODY} --regid {NOBODY} --clear-groups");
        program.args([
            "-c",
            &format!("{join}exec setpriv {become_it} {fixture} \"$@\""),
            "sh",
        ]);
    }
    program.args(["guard", dir.as_str()]);
    program.env("GANTRY_TEST_FOLDER", dir).env("FROM_UP", "yes");
    if trees == Trees::Lineage {
        program.env("GANTRY_NO_CGROUP", "1");
    }
    program
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

pub(crate) fn connect(dir: &Utf8Path) -> Client {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match Client::open(dir, Role::Supervisor, 0) {
            Ok(client) => return client,
            Err(ClientError::Io { .. }) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(error) => panic!(
                "{error:?}: {}",
                std::fs::read_to_string(dir.join("guard.log")).unwrap()
            ),
        }
    }
}

fn processes_of(dir: &Utf8Path) -> Vec<u32> {
    let mark = format!(
        "GANTRY_KEEPER_MARK={}/",
        gantry_sys::stack_hash(dir.as_std_path())
    );
    let folder = format!("GANTRY_TEST_FOLDER={dir}");
    processes_with(&[&mark, &folder])
}

fn processes_with(prefixes: &[&str]) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| {
            std::fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environment| {
                environment.split(|byte| *byte == 0).any(|variable| {
                    prefixes
                        .iter()
                        .any(|prefix| variable.starts_with(prefix.as_bytes()))
                })
            })
        })
        .collect()
}

pub(crate) fn instance(name: &str) -> InstanceName {
    name.parse().unwrap()
}

pub(crate) fn command(argv: &[&str]) -> Command {
    Command {
        argv: argv.iter().map(|text| (*text).to_owned()).collect(),
        env: vec![("PATH".into(), "/usr/bin:/bin".into())],
        cwd: "/".into(),
        ..Command::default()
    }
}

pub(crate) fn spawn(name: &str, generation: u32, command: Command) -> Request {
    Request::Spawn(Spawn {
        instance: instance(name),
        generation,
        command: Box::new(command),
        log: LogPolicy::default(),
    })
}

pub(crate) fn stop(name: &str, generation: u32, grace_ms: u64) -> Request {
    Request::Stop {
        instance: instance(name),
        generation,
        signal: 15,
        grace_ms,
    }
}

pub(crate) fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !check() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn kill(pid: u32) {
    let process = gantry_sys::stat(pid).unwrap().process();
    gantry_sys::send(process, 9).unwrap();
}

pub(crate) fn alive(pid: u32) -> bool {
    gantry_sys::stat(pid).is_some_and(|stat| !stat.is_dead())
}

/// The refusal that a request met.
pub(crate) fn refused(result: Result<Reply, ClientError>) -> gantry_keeper::protocol::Refusal {
    match result {
        Err(ClientError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

/// A folder that is not `/tmp`'s own, for tests that need one.
pub(crate) fn path(stack: &Stack, name: &str) -> Utf8PathBuf {
    stack.dir().join(name)
}
