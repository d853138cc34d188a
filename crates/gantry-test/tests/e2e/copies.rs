//! Ten copies of one stack from ten folders at once, with ports drawn by gantry.

use std::collections::BTreeSet;
use std::process::{Child, Stdio};

use gantry_test::{Run, Sandbox};

use crate::support::{address, all_ready, get, pids, quickstart_file};

const COPIES: usize = 10;

#[test]
fn ten_copies_do_not_touch_each_other() {
    let sandbox = Sandbox::new();
    let file = quickstart_file();
    let folders: Vec<_> = (0..COPIES)
        .map(|number| {
            let file = sandbox.write(format!("copy-{number}/gantry.toml"), &file);
            file.parent().expect("a file is in a folder").to_path_buf()
        })
        .collect();
    let gantry = |number: usize, words: &[&str]| -> Run {
        let mut command = sandbox.command(words);
        gantry_test::output(command.current_dir(&folders[number])).into()
    };

    let begun: Vec<Child> = folders
        .iter()
        .map(|folder| {
            let mut command = sandbox.command(["up", "-d"]);
            command
                .current_dir(folder)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            command.spawn().expect("gantry runs")
        })
        .collect();
    for up in begun {
        Run::from(up.wait_with_output().expect("gantry ends")).expect(0);
    }

    let status = |number: usize| gantry(number, &["status", "-o", "json"]).expect(0).json();
    let before: Vec<_> = (0..COPIES).map(status).collect();
    assert!(before.iter().all(all_ready));
    let gateways: BTreeSet<String> = before.iter().map(|one| address(one, "gateway")).collect();
    assert_eq!(gateways.len(), COPIES, "each has a port of its own");
    for gateway in &gateways {
        let (_, text) = get(gateway, "/").expect("an answer");
        assert!(text.contains("visit 1"), "each has data of its own: {text}");
    }

    gantry(0, &["down"]).expect(0);
    assert!(get(&address(&before[0], "gateway"), "/").is_err());
    for (number, before) in before.iter().enumerate().skip(1) {
        let after = status(number);
        assert!(all_ready(&after), "{after:#}");
        assert_eq!(pids(before), pids(&after));
    }
    for number in 1..COPIES {
        gantry(number, &["down"]).expect(0);
    }
    sandbox.expect_nothing_left();
}
