//! The worker: takes jobs from the store's queue, and shows by a file that it is alive.

use std::path::Path;
use std::time::Duration;

use crate::client::Client;
use crate::{Outcome, settings};

const IDLE: Duration = Duration::from_millis(200);

/// Work until killed.
pub(crate) fn run() -> Outcome {
    let heartbeat = settings::required("HEARTBEAT")?;
    let heartbeat = Path::new(&heartbeat);
    if let Some(folder) = heartbeat.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut store = Client::connect()?;
    println!("waiting for jobs");
    loop {
        let job = store.ask("POP jobs")?;
        if job == "-" {
            std::fs::write(heartbeat, "idle\n")?;
            std::thread::sleep(IDLE);
            continue;
        }
        std::fs::write(heartbeat, "working\n")?;
        let words = job.split_whitespace().count();
        store.ask(&format!("SET last-job {words} words in \"{job}\""))?;
        println!("counted {words} words");
    }
}
