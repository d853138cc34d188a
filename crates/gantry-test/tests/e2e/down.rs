//! `gantry down` from several terminals, and while somebody kills.

use std::time::Duration;

use gantry_test::{Process, Run, Sandbox, wait_until};

use crate::support::{PATIENCE, Part, part};

const ONE: &str = "name = \"often\"\n[services.a.process]\ncommand = [\"sleep\", \"1000\"]\n";

#[test]
fn who_takes_down_what_is_going_down_sees_it_down() {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", ONE);
    for _ in 0..5 {
        sandbox.gantry(["up", "-d"]).expect(0);
        let downs: Vec<_> = (0..6).map(|_| sandbox.spawn(["down"])).collect();
        for down in downs {
            Run::from(down.wait_with_output().expect("gantry ends")).expect(0);
        }
        sandbox.expect_nothing_left();
    }
}

#[test]
fn a_down_ends_whoever_is_killed_over_it() {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", ONE);
    for round in 0..36_u64 {
        sandbox.gantry(["up", "-d"]).expect(0);
        let which = [Part::Supervisor, Part::Keeper, Part::Guard];
        let which = which[usize::try_from(round % 3).expect("a small number")];
        let victim = part(&sandbox, which);
        let down = sandbox.spawn(["down"]);
        std::thread::sleep(Duration::from_millis(4 + round / 3));
        victim.iter().for_each(Process::kill);
        let run = Run::from(down.wait_with_output().expect("gantry ends"));
        assert_eq!(run.code, 0, "round {round}, {which:?}: {}", run.stderr);
        let left = || sandbox.processes();
        wait_until(PATIENCE, "all processes end", left, Vec::is_empty);
    }
}
