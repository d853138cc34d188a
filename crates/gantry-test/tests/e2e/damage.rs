//! Files of gantry's own that somebody has damaged: that is said, and no service notices.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use gantry_test::{Process, Sandbox, User, skip, wait_until};

use crate::support::{PATIENCE, kill_parts, pids, restarts};
use crate::survival::guard_and_keeper;

/// One prints its numbers, one is silent and has a port.
const FILE: &str = r#"
name = "damaged"
[services.quiet]
ports = { any = 0 }
[services.quiet.process]
command = ["sleep", "1000"]
[services.talker.process]
command = ["sh", "-c", "i=0; while :; do i=$$((i+1)); echo $$i; sleep 0.02; done"]
"#;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Damage {
    Torn,
    Garbage,
    Empty,
    /// Of a version that nobody knows.
    Foreign,
    /// Its rights are taken away.
    Unreadable,
    Gone,
}

use Damage::{Empty, Foreign, Garbage, Gone, Torn, Unreadable};

impl Damage {
    fn put(self, path: &Path) {
        let bytes = fs::read(path).expect("the file that is to be damaged");
        let text = String::from_utf8_lossy(&bytes);
        let damaged = match self {
            Torn => bytes[..bytes.len() / 2].to_vec(),
            Garbage => b"\x00\xff{]\n\n\x01 no such thing".repeat(9),
            Empty => Vec::new(),
            Foreign => [
                "format\":1",
                "format\": 1",
                "version\":1",
                "version\": 1",
                "ledger 1",
            ]
            .iter()
            .fold(text.into_owned(), |text, known| {
                text.replacen(known, &known.replace('1', "9"), 1)
            })
            .into_bytes(),
            Unreadable => {
                return fs::set_permissions(path, Permissions::from_mode(0o0)).expect("chmod");
            }
            Gone => return fs::remove_file(path).expect("the file goes"),
        };
        assert!(
            self != Foreign || damaged != bytes,
            "{} has a version",
            path.display()
        );
        fs::write(path, damaged).expect("the damage");
    }
}

/// A stack that is up, and the processes that it should keep.
struct Up {
    sandbox: Sandbox,
    before: Vec<(String, u64)>,
}

impl Up {
    /// Without rights root can read, too: so an ordinary user, if there can be one.
    fn new() -> Self {
        let user = if rustix::process::geteuid().is_root() {
            User::Ordinary
        } else {
            User::Same
        };
        Self::of(user)
    }

    fn of(user: User) -> Self {
        let sandbox = Sandbox::of(user);
        sandbox.write("gantry.toml", FILE);
        sandbox.gantry(["up", "-d"]).expect(0);
        let before = pids(&sandbox.status());
        Self { sandbox, before }
    }

    /// A file in the stack's folder.
    fn file(&self, name: &str) -> PathBuf {
        let stacks = fs::read_dir(self.sandbox.home().join("stacks")).expect("stacks");
        let folder = stacks.flatten().next().expect("a stack").path();
        folder.join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    /// The numbers that the service has printed, as far as they are in its log.
    fn numbers(&self) -> Vec<u64> {
        let logs = self.sandbox.gantry(["logs", "--raw", "talker"]);
        let numbers = logs.stdout.lines().filter_map(|line| line.parse().ok());
        numbers.collect()
    }

    fn kill_supervisor(&self) {
        let pid = self.sandbox.status()["supervisor"]["pid"].as_i64();
        let pid = pid.and_then(|pid| i32::try_from(pid).ok()).expect("a pid");
        end(&Process::find(pid).expect("a supervisor"));
    }

    fn kill_keeper(&self) {
        let (_, keeper) = guard_and_keeper(&self.sandbox);
        end(&keeper);
        let (_, next) = guard_and_keeper(&self.sandbox);
        assert_ne!(next.pid, keeper.pid);
    }

    /// All parts at once, and `up` begins anew.
    fn kill_all(&self) {
        kill_parts(&self.sandbox);
        self.sandbox.gantry(["up", "-d"]).expect(0);
    }

    /// The same processes, each once, and all that was printed.
    fn expect_unchanged(&self, what: &str) {
        let status = wait_until(
            PATIENCE,
            &format!("the same two run after {what}"),
            || self.sandbox.status(),
            |status| pids(status) == self.before,
        );
        assert_eq!(restarts(&status), 0, "{what}: {status:#}");
        let sleeps = self.sandbox.processes().into_iter();
        let sleeps = sleeps.filter(|one| one.command == "sleep 1000").count();
        assert_eq!(sleeps, 1, "{what}: nothing runs twice");
    }

    /// It prints on, and nothing was lost or doubled.
    fn expect_all_lines(&self, what: &str) {
        let known = self.numbers().len();
        let numbers = wait_until(
            PATIENCE,
            &format!("it is heard after {what}"),
            || self.numbers(),
            |numbers| numbers.len() > known + 3,
        );
        let wanted: Vec<u64> = (1..).take(numbers.len()).collect();
        assert_eq!(numbers, wanted, "{what}");
    }

    fn down(&self) {
        self.sandbox.gantry(["down"]).expect(0);
        self.sandbox.expect_nothing_left();
    }
}

fn end(process: &Process) {
    process.kill();
    wait_until(
        PATIENCE,
        "it is dead",
        || process.is_alive(),
        |alive| !alive,
    );
}

#[test]
fn a_damaged_ledger_of_the_keeper_loses_nobody() {
    for user in [User::Same, User::Ordinary] {
        if user == User::Ordinary && !rustix::process::geteuid().is_root() {
            skip("a_damaged_ledger_of_the_keeper_loses_nobody", "root");
            continue;
        }
        let up = Up::of(user);
        for damage in [Torn, Garbage, Empty, Foreign, Unreadable, Gone] {
            let what = format!("the keeper found its ledger {damage:?}");
            damage.put(&up.file("keepers/1/ledger"));
            up.kill_keeper();
            up.expect_unchanged(&what);
            up.expect_all_lines(&what);
        }
        let log = up.read("guard.log");
        for said in [
            "set aside as",
            "ledger is gone",
            "the ledger did not say so",
        ] {
            assert!(log.contains(said), "{said}: {log}");
        }
        // Nor if nobody is left who knows better.
        for damage in [Garbage, Unreadable, Gone] {
            damage.put(&up.file("keepers/1/ledger"));
            up.kill_all();
            up.expect_unchanged(&format!("all began anew with a ledger {damage:?}"));
        }
        // And what was found again can be told to do everything.
        up.sandbox.gantry(["restart", "quiet"]).expect(0);
        up.down();
    }
}

#[test]
fn whoever_ends_while_the_ledger_is_lost_is_missed() {
    let up = Up::of(User::Same);
    Garbage.put(&up.file("keepers/1/ledger"));
    let (_, quiet) = &up.before[0];
    let quiet = Process::find(i32::try_from(*quiet).expect("a pid")).expect("it runs");
    // The keeper is held, so that it does not see it.
    let (_, keeper) = guard_and_keeper(&up.sandbox);
    keeper.signal(rustix::process::Signal::STOP);
    end(&quiet);
    end(&keeper);
    let status = wait_until(
        PATIENCE,
        "it is started again",
        || up.sandbox.status(),
        |status| restarts(status) == 1 && pids(status).len() == 2,
    );
    assert_eq!(pids(&status)[1], up.before[1]);
    let events = up.sandbox.gantry(["events"]).expect(0).stdout.clone();
    assert!(
        events.contains("the keeper's ledger was damaged"),
        "{events}"
    );
    up.down();
}

#[test]
fn what_the_keeper_reads_besides_may_be_damaged() {
    let up = Up::new();
    for file in ["keepers/1/orphans", "keepers/1/intent"] {
        for damage in [Garbage, Torn, Empty, Unreadable] {
            let what = format!("{file} was {damage:?}");
            damage.put(&up.file(file));
            up.kill_keeper();
            up.expect_unchanged(&what);
            up.expect_all_lines(&what);
            damage.put(&up.file(file));
            up.kill_all();
            up.expect_unchanged(&what);
        }
    }
    up.down();
}

#[test]
fn the_record_of_an_instance_is_written_anew() {
    let up = Up::new();
    let file = "services/quiet/1/run.json";
    wait_until(
        PATIENCE,
        "it is written",
        || up.file(file).exists(),
        |is| *is,
    );
    for damage in [Torn, Garbage, Empty, Foreign, Unreadable] {
        damage.put(&up.file(file));
        up.kill_keeper();
        up.expect_unchanged(&format!("run.json was {damage:?}"));
        wait_until(
            PATIENCE,
            "it is whole again",
            || serde_json::from_str(&up.read(file)).unwrap_or_default(),
            |record: &serde_json::Value| {
                record["version"] == 1 && record["process"]["pid"] == up.before[0].1
            },
        );
    }
    up.down();
}

#[test]
fn a_damaged_plan_is_set_aside_and_said() {
    let up = Up::new();
    for damage in [Torn, Garbage, Empty, Foreign, Gone] {
        damage.put(&up.file("plan.json"));
        up.kill_supervisor();
        let status = up.sandbox.status();
        let strays = serde_json::json!(["quiet.1", "talker.1"]);
        assert_eq!(status["strays"], strays, "{damage:?}");
        if damage != Gone {
            let aside = up.file("plan.json.broken");
            fs::remove_file(&aside).expect("the damaged plan is set aside");
            let events = up.sandbox.gantry(["events"]).expect(0).stdout.clone();
            assert!(events.contains("plan.json.broken"), "{damage:?}: {events}");
        }
        up.sandbox.gantry(["up", "-d"]).expect(0);
        up.expect_unchanged(&format!("the plan was {damage:?}"));
    }
    // Its rights alone are no loss.
    Unreadable.put(&up.file("plan.json"));
    up.kill_supervisor();
    up.expect_unchanged("the plan was unreadable");
    up.down();
}

#[test]
fn what_the_supervisor_reads_besides_may_be_damaged() {
    let up = Up::new();
    for file in ["starts", "events.log", "supervisor.json", "stack.json"] {
        for damage in [Torn, Garbage, Empty, Unreadable] {
            damage.put(&up.file(file));
            let list = up.sandbox.gantry(["ls"]).expect(0).stdout.clone();
            assert!(list.contains("damaged"), "{file} {damage:?}: {list}");
            up.kill_supervisor();
            up.expect_unchanged(&format!("{file} was {damage:?}"));
            up.sandbox.gantry(["events"]).expect(0);
        }
        if file == "starts" {
            let events = up.sandbox.gantry(["events"]).expect(0).stdout.clone();
            assert!(events.contains("starts.broken"), "{events}");
        }
        Garbage.put(&up.file(file));
        up.kill_all();
        up.expect_unchanged(&format!("{file} was damaged, and all began anew"));
    }
    up.down();
}

#[test]
fn a_damaged_log_is_gone_on_with() {
    let up = Up::new();
    let file = "services/talker/1/log/current";
    for damage in [Unreadable, Torn, Garbage, Empty, Gone] {
        wait_until(
            PATIENCE,
            "it prints",
            || up.numbers().len(),
            |lines| *lines > 3,
        );
        damage.put(&up.file(file));
        let last = up.numbers().last().copied().unwrap_or(0);
        // Who has the file open needs no rights; those who read it get them back from the next keeper.
        let first = usize::from(damage == Unreadable);
        for with_new_keeper in &[false, true][first..] {
            if *with_new_keeper {
                up.kill_keeper();
            }
            let numbers = wait_until(
                PATIENCE,
                &format!("it is heard again after its log was {damage:?}"),
                || up.numbers(),
                |numbers| numbers.last().is_some_and(|now| *now > last + 5),
            );
            assert!(numbers.is_sorted(), "{damage:?}: {numbers:?}");
        }
        up.expect_unchanged(&format!("its log was {damage:?}"));
    }
    up.down();
}

#[test]
fn a_damaged_ledger_of_ports_is_set_aside() {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", FILE);
    for damage in [Torn, Garbage, Empty, Foreign] {
        sandbox.gantry(["up", "-d"]).expect(0);
        sandbox.gantry(["down"]).expect(0);
        let ports = sandbox.home().join("ports.json");
        damage.put(&ports);
        sandbox.gantry(["up", "-d"]).expect(0);
        fs::remove_file(sandbox.home().join("ports.json.broken")).expect("it is set aside");
        sandbox.gantry(["down"]).expect(0);
    }
    sandbox.expect_nothing_left();
}
