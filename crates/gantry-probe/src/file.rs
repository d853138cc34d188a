//! The file check: it exists, is young enough, and says something.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use crate::address::said;
use crate::outcome::{Outcome, spoken};

/// How much of a file is searched.
const LIMIT: u64 = 1024 * 1024;

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileCheck {
    /// Where it must be.
    pub path: PathBuf,
    /// How long ago it may have been written last.
    pub max_age: Option<Duration>,
    /// What must stand in its first mebibyte.
    pub contains: Option<String>,
}

impl FileCheck {
    /// What is asked.
    pub fn what(&self) -> String {
        format!("file {}", self.path.display())
    }

    pub(crate) async fn run(&self) -> Outcome {
        let check = self.clone();
        // A folder on a network may hang: not on the thread that everything else runs on.
        let looked = tokio::task::spawn_blocking(move || check.look(Timestamp::now().into())).await;
        looked.unwrap_or_else(|error| {
            Outcome::unhealthy(format!(
                "{} was not looked at: {error}",
                self.path.display()
            ))
        })
    }

    fn look(&self, now: SystemTime) -> Outcome {
        let path = self.path.display();
        let metadata = match std::fs::metadata(&self.path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Outcome::unhealthy(format!("{path} does not exist"));
            }
            Err(error) => return Outcome::unhealthy(format!("{path}: {}", said(&error))),
        };
        if let Some(limit) = self.max_age {
            let written = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            // Written in the future, by a clock that differs, counts as just now.
            let age = now.duration_since(written).unwrap_or(Duration::ZERO);
            if age > limit {
                return Outcome::unhealthy(format!(
                    "{path} was written {} ago, wanted at most {}",
                    spoken(age),
                    spoken(limit)
                ));
            }
        }
        let Some(wanted) = &self.contains else {
            return Outcome::healthy(format!("{path} exists"));
        };
        let mut bytes = Vec::new();
        let read = File::open(&self.path).and_then(|file| file.take(LIMIT).read_to_end(&mut bytes));
        match read {
            Err(error) => Outcome::unhealthy(format!("{path}: {}", said(&error))),
            Ok(_) if wanted.is_empty() || holds(&bytes, wanted.as_bytes()) => {
                Outcome::healthy(format!("{path} contains {wanted:?}"))
            }
            Ok(_) => Outcome::unhealthy(format!("{path} does not contain {wanted:?}")),
        }
    }
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests;
