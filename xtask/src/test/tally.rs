//! Counting passed, failed and skipped.

/// What happened so far.
#[derive(Default)]
pub(super) struct Tally {
    passed: usize,
    failures: Vec<String>,
    /// What failures said of themselves.
    quotes: Vec<String>,
    /// Failures that only have a number.
    unnamed: usize,
    skips: Vec<String>,
    /// Tests that the harness was told to ignore.
    ignored: usize,
}

impl Tally {
    pub(super) fn pass(&mut self, count: usize) {
        self.passed += count;
    }

    pub(super) fn fail(&mut self, what: String) {
        self.failures.push(what);
    }

    pub(super) fn quote(&mut self, lines: Vec<String>) {
        self.quotes.extend(lines);
    }

    /// A test that said that it cannot run here; the harness has counted it as passed.
    pub(super) fn skip_passed(&mut self, what: String) {
        self.passed = self.passed.saturating_sub(1);
        self.skips.push(what);
    }

    /// Something that cannot run here.
    pub(super) fn skip(&mut self, what: String) {
        self.skips.push(what);
    }

    pub(super) fn ignore(&mut self, count: usize) {
        self.ignored += count;
    }

    pub(super) fn fail_unnamed(&mut self, count: usize) {
        self.unnamed += count;
    }

    pub(super) fn failed(&self) -> usize {
        self.failures.len() + self.unnamed
    }

    /// The reasons, and the sum alone on the last line.
    pub(super) fn print(&self) {
        println!();
        for skip in &self.skips {
            println!("skipped: {skip}");
        }
        for line in &self.quotes {
            println!("{line}");
        }
        for failure in &self.failures {
            println!("failed: {failure}");
        }
        let skipped = self.skips.len() + self.ignored;
        println!(
            "{} passed, {} failed, {skipped} skipped",
            self.passed,
            self.failed()
        );
    }
}
