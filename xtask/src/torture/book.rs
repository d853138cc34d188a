//! What services wrote down, compared with what gantry says of them.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail, ensure};
use jiff::Timestamp;
use serde_json::Value;

use super::stack::Kind;
use super::{HEALED, Part};

/// How long a start may be under way.
const PATIENCE: Duration = Duration::from_secs(5);

/// The book.
pub(super) struct Book {
    folder: PathBuf,
    kinds: Vec<(String, Kind)>,
    /// How often each of those that do not end should have been started.
    expected: HashMap<String, usize>,
    /// What was killed when (in milliseconds of Unix time), and of which pair; none means all.
    kills: Vec<(u128, Option<(Part, usize)>)>,
}

impl Book {
    pub(super) fn new(folder: PathBuf, kinds: &[(String, Kind)]) -> Self {
        let lasting = kinds.iter().filter(|(_, kind)| lasts(*kind));
        Self {
            folder,
            expected: lasting.map(|(name, _)| (name.clone(), 1)).collect(),
            kinds: kinds.to_vec(),
            kills: Vec::new(),
        }
    }

    /// Everything that is to run was started once.
    pub(super) fn check_up(&self) -> anyhow::Result<()> {
        self.check_same()
    }

    /// This one was told to start once more.
    pub(super) fn started(&mut self, name: &str) {
        *self.expected.entry(name.to_owned()).or_default() += 1;
    }

    /// This one was told to, perhaps in vain: once more, or twice, or not at all.
    pub(super) fn disturbed(&mut self, name: &str) -> anyhow::Result<()> {
        let before = self.expected.get(name).copied().unwrap_or(0);
        let begin = Instant::now();
        loop {
            let now = self.lines(name, "starts").len();
            if (before..=before + 2).contains(&now) {
                self.expected.insert(name.to_owned(), now);
                return Ok(());
            }
            ensure!(
                begin.elapsed() < PATIENCE,
                "{name} was started {now} times, not {before} to {}",
                before + 2
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(super) fn killed(&mut self, part: Part, pair: usize) {
        self.kills.push((now(), Some((part, pair))));
    }

    pub(super) fn killed_all(&mut self) {
        self.kills.push((now(), None));
    }

    /// Whether any service ran twice at a time.
    pub(super) fn doubled(&self) -> bool {
        self.folder.join("doubled").exists()
    }

    /// How often services were started.
    pub(super) fn starts(&self) -> usize {
        let all = self.kinds.iter();
        all.map(|(name, _)| self.lines(name, "starts").len()).sum()
    }

    /// Those that do not end are the processes that they were.
    pub(super) fn check_same(&self) -> anyhow::Result<()> {
        for (name, expected) in &self.expected {
            let begin = Instant::now();
            // Its first act may still be to come.
            let starts = loop {
                let starts = self.lines(name, "starts");
                if starts.len() >= *expected || begin.elapsed() > PATIENCE {
                    break starts;
                }
                std::thread::sleep(Duration::from_millis(5));
            };
            ensure!(
                starts.len() == *expected,
                "{name} was started {} times, not {expected}",
                starts.len()
            );
            let pid = starts.last().and_then(|start| start.get(1)).copied();
            let pid = i32::try_from(pid.context("a start has a pid")?)?;
            ensure!(
                gantry_test::Process::find(pid).is_some_and(|process| process.is_alive()),
                "{name} (pid {pid}) has ended"
            );
        }
        Ok(())
    }

    /// What those that do not end print still comes into their logs.
    pub(super) fn check_heard(&self, length: impl Fn(&str) -> u64) -> anyhow::Result<()> {
        let before = self.expected.keys().map(|name| (name, length(name)));
        let mut unheard: Vec<(&String, u64)> = before.collect();
        let begin = Instant::now();
        while !unheard.is_empty() {
            ensure!(
                begin.elapsed() < PATIENCE,
                "not heard any more: {:?}",
                unheard.iter().map(|(name, _)| name).collect::<Vec<_>>()
            );
            std::thread::sleep(Duration::from_millis(20));
            unheard.retain(|(name, before)| length(name) <= *before);
        }
        Ok(())
    }

    /// How one ended that did. Gives whether that is known, and nothing if it has not ended.
    pub(super) fn check_exit(&self, name: &str, status: &Value) -> anyhow::Result<Option<bool>> {
        let starts = self.lines(name, "starts");
        let ends = self.lines(name, "ends");
        let services = status["services"].as_array().context("services")?;
        let service = services
            .iter()
            .find(|service| service["name"] == name)
            .with_context(|| format!("status lacks {name}"))?;
        let instance = &service["instances"][0];
        let (Some(start), Some(end), false) = (
            starts.last(),
            ends.last(),
            instance["exit"].is_null() || !instance["pid"].is_null(),
        ) else {
            return Ok(None);
        };
        let generation = instance["generation"].as_u64().unwrap_or(0);
        if service["state"] == "failed" && service["failure"]["stage"] != "run" {
            // Its exit is that of a start before. Whether this one has begun cannot be known if nobody is left of those
            // who made it.
            let since = service["failure"]["since"].as_str().unwrap_or_default();
            let since: Timestamp = since.parse().context("a failure has its time")?;
            let since = u128::try_from(since.as_millisecond()).unwrap_or(0);
            let excused = |(at, part): &(u128, Option<(Part, usize)>)| {
                is_whole(*part) && (*at..*at + HEALED.as_millis()).contains(&since)
            };
            ensure!(
                self.kills.iter().any(excused),
                "{name} has failed, but not while it ran: {service}; it has begun {} times",
                starts.len()
            );
            return Ok(None);
        }
        // What status says may be about a start before, if this one is under way.
        if start[0] != end[0] || generation != start[0] || service["state"] != "failed" {
            return Ok(None);
        }
        if let Some(code) = instance["exit"]["code"].as_u64() {
            ensure!(
                code == end[1],
                "{name} ended with {}, not {code}: {service}; it has begun {} times",
                end[1],
                starts.len()
            );
            return Ok(Some(true));
        }
        let reason = instance["exit"]["unknown"].as_str();
        let reason = reason.with_context(|| format!("{name}: no exit in {instance}"))?;
        ensure!(!reason.is_empty(), "{name}: unknown without a reason");
        let since = u128::from(start[2]);
        let meanwhile = self.kills.iter().filter(|(at, _)| *at + 100 >= since);
        let parts: Vec<Option<(Part, usize)>> = meanwhile.map(|(_, part)| *part).collect();
        let mut waiters: BTreeMap<usize, usize> = BTreeMap::new();
        for (part, pair) in parts.iter().flatten() {
            *waiters.entry(*pair).or_default() += match part {
                Part::Supervisor => 0,
                Part::Guard | Part::Keeper => 1,
                Part::Pair => 2,
            };
        }
        ensure!(
            parts.contains(&None) || waiters.values().any(|killed| *killed > 1),
            "{name}: unknown ({reason}), but since its start only {parts:?} were killed"
        );
        Ok(Some(false))
    }

    /// Every line of every service once and in order; gives how many lines and gap marks there were.
    pub(super) fn check_logs(
        &self,
        log: impl Fn(&str) -> anyhow::Result<String>,
    ) -> anyhow::Result<(usize, usize)> {
        let (mut lines, mut gaps) = (0, 0);
        for (name, _) in &self.kinds {
            let ends: BTreeMap<u64, u64> = self
                .lines(name, "ends")
                .into_iter()
                .map(|end| (end[0], end[2]))
                .collect();
            let (more, marks) = check_log(&log(name)?, &ends).context(name.clone())?;
            lines += more;
            gaps += marks;
        }
        Ok((lines, gaps))
    }

    /// The lines of one of a service's files, as numbers.
    fn lines(&self, name: &str, file: &str) -> Vec<Vec<u64>> {
        let path = self.folder.join(format!("{name}.{file}"));
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines()
            .map(|line| {
                line.split(' ')
                    .filter_map(|word| word.parse().ok())
                    .collect()
            })
            .collect()
    }
}

/// One log against what each start that ended by itself says it printed: `START:NUMBER`, every number
/// from 1. A gap mark excuses what is missing where it stands, never what is doubled.
fn check_log(text: &str, ends: &BTreeMap<u64, u64>) -> anyhow::Result<(usize, usize)> {
    let (mut lines, mut gaps) = (0, 0);
    let (mut start, mut number) = (0, 0);
    let mut gap = false;
    let complete = |start: u64, number: u64, gap: bool| match ends.get(&start) {
        Some(last) if *last != number && !gap => {
            bail!("start {start} printed {last} lines, and {number} are there")
        }
        _ => Ok(()),
    };
    for record in text.lines() {
        let mut words = record.splitn(4, ' ');
        let (stream, line) = (words.nth(1).unwrap_or(""), words.nth(1).unwrap_or(""));
        if stream == "k" {
            gap |= line.contains("were killed");
            gaps += 1;
            continue;
        }
        let (of, this) = line
            .split_once(':')
            .and_then(|(of, this)| Some((of.parse().ok()?, this.parse().ok()?)))
            .with_context(|| format!("no line of ours: {record:?}"))?;
        if of == start {
            ensure!(
                this == number + 1 || (gap && this > number),
                "{start}:{number} is followed by {of}:{this}"
            );
        } else {
            ensure!(of > start, "{start}:{number} is followed by {of}:{this}");
            complete(start, number, gap)?;
            for missing in start + 1..of {
                complete(missing, 0, gap)?;
            }
            ensure!(this == 1 || gap, "start {of} begins with {this}");
        }
        (start, number, gap) = (of, this, false);
        lines += 1;
    }
    complete(start, number, gap)?;
    for missing in ends.keys().filter(|missing| **missing > start) {
        complete(*missing, 0, gap)?;
    }
    Ok((lines, gaps))
}

/// Whether nobody was left who could know what a pair had begun.
fn is_whole(killed: Option<(Part, usize)>) -> bool {
    matches!(killed, None | Some((Part::Pair, _)))
}

fn lasts(kind: Kind) -> bool {
    matches!(kind, Kind::Steady | Kind::Fork)
}

fn now() -> u128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis())
}

#[cfg(test)]
mod tests {
    use super::check_log;

    fn log(lines: &[&str]) -> String {
        let record = |line: &&str| match line.strip_prefix("k ") {
            Some(note) => format!("2026-01-01T00:00:00.000000Z k F {note}\n"),
            None => format!("2026-01-01T00:00:00.000000Z o F {line}\n"),
        };
        lines.iter().map(record).collect()
    }

    #[test]
    fn what_is_lost_or_doubled_is_found() {
        let ends = [(1, 2), (2, 2)].into_iter().collect();
        let check = |lines: &[&str]| check_log(&log(lines), &ends).is_ok();
        let gap = "k guard and keeper were killed";
        assert!(check(&["1:1", "1:2", "2:1", "2:2"]));
        assert!(check(&["1:1", "1:2", "2:1", "2:2", "3:1"]));
        assert!(!check(&["1:1", "2:1", "2:2"]), "one is lost");
        assert!(
            !check(&["1:1", "1:2", "1:2", "2:1", "2:2"]),
            "one is doubled"
        );
        assert!(!check(&["1:1", "1:2", "2:2"]), "the first is lost");
        assert!(!check(&["1:1", "1:2", "3:1"]), "a whole start is lost");
        assert!(!check(&["1:1", "1:2"]), "the last start is lost");
        assert!(!check(&[]), "all is lost");
        assert!(check(&["1:1", gap, "2:1", "2:2"]));
        assert!(!check(&["1:1", "1:2", gap, "1:2", "2:1", "2:2"]));
    }
}
