//! `gantry ls`.

use gantry_api::client::Client;
use gantry_api::home::{GantryHome, StackDir, SupervisorFile};
use gantry_api::{Desired, State};

use crate::error::Error;
use crate::runtime::block_on;
use crate::view::ls::{LsView, StackLine};

/// Every folder of a stack, and what its supervisor says.
pub(crate) fn run() -> Result<LsView, Error> {
    let stacks = GantryHome::from_env()?.stacks();
    block_on(async {
        let lines = futures::future::join_all(stacks.into_iter().map(line)).await;
        Ok(LsView { stacks: lines })
    })
}

async fn line(dir: StackDir) -> StackLine {
    let told = SupervisorFile::read(&dir).ok();
    let folder = dir.path().file_name().unwrap_or_default();
    let name = folder
        .rsplit_once('-')
        .map_or(folder, |(name, _)| name)
        .to_owned();
    let file = dir.recorded().ok().map(|record| record.file);
    let file = file.or_else(|| told.as_ref().map(|told| told.file.clone()));
    let status = if dir.guard_socket().exists() {
        Client::new(dir.clone()).status().await.ok()
    } else {
        None
    };
    let path = dir.path().to_owned();
    match status {
        Some(status) => {
            let all = status.services.iter();
            let wanted: Vec<_> = all.filter(|one| one.desired == Desired::Running).collect();
            StackLine {
                stack: status.stack,
                state: "up",
                ready: wanted
                    .iter()
                    .filter(|one| one.ready || one.state == State::Completed)
                    .count(),
                services: wanted.len(),
                file: Some(status.file),
                folder: path,
            }
        }
        None => StackLine {
            stack: name,
            // A clean end takes this file along.
            state: if dir.supervisor_file().exists() {
                "lost"
            } else {
                "down"
            },
            ready: 0,
            services: 0,
            file,
            folder: path,
        },
    }
}
