//! Guard and keeper with real processes.

mod jobs;
mod logs;
mod many;
mod spawn;
mod stop;
mod support;
mod survive;
