//! process-compose.

use std::process::{Child, Command};

use serde_json::json;

use super::peer::{Peer, Work};

pub(super) struct ProcessCompose;

impl ProcessCompose {
    fn command(work: &Work, words: &[&str]) -> Command {
        let mut command = Command::new("process-compose");
        command
            .current_dir(&work.folder)
            .args(["--unix-socket", "control", "--use-uds"])
            .args(words);
        command
    }
}

impl Peer for ProcessCompose {
    fn name(&self) -> &'static str {
        "process-compose"
    }

    fn programs(&self) -> &'static [&'static str] {
        &["process-compose"]
    }

    fn most(&self) -> usize {
        1_000
    }

    fn prepare(&self, work: &Work) -> anyhow::Result<()> {
        let processes = (0..work.services).map(|number| {
            let process = json!({
                "command": format!("exec {}", work.line()),
                "availability": { "restart": "always", "backoff_seconds": 1 },
            });
            (format!("s{number}"), process)
        });
        let processes: serde_json::Map<_, _> = processes.collect();
        // YAML reads JSON.
        let file = json!({ "version": "0.5", "processes": processes });
        Ok(std::fs::write(
            work.path("process-compose.yaml"),
            file.to_string(),
        )?)
    }

    fn up(&self, work: &Work) -> Command {
        Self::command(work, &["up", "--tui=false"])
    }

    fn status(&self, work: &Work) -> Option<Command> {
        Some(Self::command(work, &["process", "list"]))
    }

    fn down(&self, work: &Work, _up: &Child) -> Command {
        Self::command(work, &["down"])
    }
}
