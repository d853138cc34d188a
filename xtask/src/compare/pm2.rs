//! pm2.

use std::process::{Child, Command};

use gantry_test::Process;
use serde_json::json;

use super::peer::{Peer, Source, Work};

pub(super) struct Pm2;

impl Pm2 {
    fn command(work: &Work, words: &[&str]) -> Command {
        let mut command = Command::new("pm2");
        command
            .current_dir(&work.folder)
            .env("PM2_HOME", work.path("home"))
            .args(words);
        command
    }
}

impl Peer for Pm2 {
    fn name(&self) -> &'static str {
        "pm2"
    }

    fn programs(&self) -> &'static [&'static str] {
        &["node", "pm2"]
    }

    fn source(&self) -> Source {
        Source::Node("pm2")
    }

    fn most(&self) -> usize {
        1_000
    }

    fn prepare(&self, work: &Work) -> anyhow::Result<()> {
        let apps = (0..work.services).map(|number| {
            json!({
                "name": format!("s{number}"),
                "script": work.command[0],
                "args": work.command[1..],
                "interpreter": "none",
                "exec_mode": "fork",
            })
        });
        let file = json!({ "apps": apps.collect::<Vec<_>>() });
        Ok(std::fs::write(work.path("apps.json"), file.to_string())?)
    }

    fn up(&self, work: &Work) -> Command {
        Self::command(work, &["start", "apps.json"])
    }

    fn status(&self, work: &Work) -> Option<Command> {
        Some(Self::command(work, &["list"]))
    }

    fn down(&self, work: &Work, _up: &Child) -> Command {
        Self::command(work, &["kill"])
    }

    fn unmarked(&self, work: &Work) -> Vec<i32> {
        // It writes its title over its environment, and so over the mark.
        let text = std::fs::read_to_string(work.path("home/pm2.pid")).unwrap_or_default();
        text.trim().parse().into_iter().collect()
    }

    fn manager(&self, all: &[Process], _up: &Child) -> Vec<i32> {
        all.iter().map(|process| process.pid).collect()
    }
}
