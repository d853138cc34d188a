//! What hooks, and commands that stop and reload, print goes into the log of the service beside which
//! they run.
//!
//! There it stands as notes, each line behind the job's label: it is not the service's own text. Unlike a
//! service a job is never held back by a log that cannot be written; what it printed is then told by its
//! failure alone, if it fails.

use gantry_log::{LogFolder, LogWriter, Stream};
use jiff::Timestamp;

use crate::layout::Layout;
use crate::protocol::JobLog;
use crate::report::report;

/// A line that is longer is written in pieces.
const LONGEST: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct JobWriter {
    of: Box<JobLog>,
    writer: LogWriter,
    /// What was printed of a line that is not complete yet, of each stream.
    begun: [Vec<u8>; 2],
    scratch: Vec<u8>,
    reported: bool,
}

impl JobWriter {
    pub(super) fn new(layout: &Layout, of: Box<JobLog>) -> Self {
        let folder = LogFolder::new(layout.log(&of.instance));
        Self {
            writer: LogWriter::new(folder, of.policy.rotation()),
            of,
            begun: [Vec::new(), Vec::new()],
            scratch: Vec::new(),
            reported: false,
        }
    }

    pub(super) fn of(&self) -> &JobLog {
        &self.of
    }

    /// It printed this.
    pub(super) fn print(&mut self, stream: usize, bytes: &[u8]) {
        let begun = &mut self.begun[stream];
        begun.extend_from_slice(bytes);
        let whole = memchr::memrchr(b'\n', begun).map_or(0, |at| at + 1);
        let whole = if begun.len() - whole > LONGEST {
            begun.len()
        } else {
            whole
        };
        let lines: Vec<u8> = begun.drain(..whole).collect();
        self.write(&lines);
    }

    /// It has ended: the last lines are whole.
    pub(super) fn end(&mut self) {
        for stream in 0..self.begun.len() {
            let rest = std::mem::take(&mut self.begun[stream]);
            self.write(&rest);
        }
    }

    fn write(&mut self, lines: &[u8]) {
        if lines.is_empty() {
            return;
        }
        let mut text = Vec::with_capacity(lines.len() * 2);
        for line in lines
            .strip_suffix(b"\n")
            .unwrap_or(lines)
            .split(|byte| *byte == b'\n')
        {
            text.extend_from_slice(self.of.label.as_bytes());
            text.extend_from_slice(b": ");
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        let written =
            self.writer
                .append(Stream::Keeper, Timestamp::now(), &text, &mut self.scratch);
        if let Err(error) = written
            && !std::mem::replace(&mut self.reported, true)
        {
            let path = self.writer.folder().current();
            report(format!("cannot write {path}: {}", error.source));
        }
        // The service's own writer, or nobody for long, comes next.
        self.writer.release();
    }
}
