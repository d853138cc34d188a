//! `gantry down` from several terminals.

use gantry_test::{Run, Sandbox};

#[test]
fn who_takes_down_what_is_going_down_sees_it_down() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "gantry.toml",
        "name = \"often\"\n[services.a.process]\ncommand = [\"sleep\", \"1000\"]\n",
    );
    for _ in 0..5 {
        sandbox.gantry(["up", "-d"]).expect(0);
        let downs: Vec<_> = (0..6).map(|_| sandbox.spawn(["down"])).collect();
        for down in downs {
            Run::from(down.wait_with_output().expect("gantry ends")).expect(0);
        }
        sandbox.expect_nothing_left();
    }
}
