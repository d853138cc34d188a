//! What came out, as Markdown.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Context as _;

use super::Tried;
use super::case::{Base, Case};
use super::run::{Outcome, Tool};

/// Below it everything is written by this program.
const MARK: &str = "<!-- from here on: cargo xtask kubernetes words --write -->\n";

/// So many of the last lines are shown.
const LINES: usize = 9;

/// The same where all went well.
const LINES_OF_SUCCESS: usize = 2;

/// What is said so long after the cluster knew it is said at once.
const SOON: Duration = Duration::from_secs(1);

/// So long may a shown line be.
const WIDTH: usize = 240;

/// The document with what was measured in place of what was.
pub(super) fn with(old: &str, measured: &str) -> anyhow::Result<String> {
    let (before, _) = old.split_once(MARK).context("the mark is missing")?;
    Ok(format!("{before}{MARK}\n{measured}"))
}

/// One line while it runs.
pub(super) fn line(case: &Case, result: &anyhow::Result<Vec<Outcome>>) -> String {
    match result {
        Err(error) => format!("{}: {error:#}", case.name),
        Ok(outcomes) => {
            let cells = outcomes
                .iter()
                .map(|it| format!("{}: {}", it.tool.name(), cell(it)));
            format!("{}: {}", case.name, cells.collect::<Vec<_>>().join("; "))
        }
    }
}

/// Sums, tables and words.
pub(super) fn measured(tried: &[Tried]) -> String {
    let mut text = String::new();
    for (base, title) in [(Base::Manifests, "Manifests"), (Base::Chart, "Releases")] {
        let of_base: Vec<_> = tried.iter().filter(|one| one.case.base == base).collect();
        let Some(first) = of_base.first() else {
            continue;
        };
        let tools: Vec<Tool> = first.outcomes.iter().map(|it| it.tool).collect();
        let _ = write!(text, "## {title}\n\n");
        text.push_str(&sums(&of_base, &tools));
        text.push_str(&lags(&of_base));
        let names = tools.iter().map(|tool| tool.name());
        let names = names.collect::<Vec<_>>().join(" | ");
        let rule = "---|".repeat(tools.len());
        let _ = writeln!(text, "\n| case | {names} |\n|---|{rule}");
        for one in &of_base {
            let cells: Vec<_> = one.outcomes.iter().map(cell).collect();
            let _ = writeln!(text, "| {} | {} |", one.case.name, cells.join(" | "));
        }
        text.push('\n');
    }
    text.push_str("## What was said\n\nThe last lines of each, empty ones left out.\n");
    for one in tried {
        let _ = write!(text, "\n### {}\n\n```text\n", capital(&one.case.name));
        text.push_str(&said(one));
        text.push_str("```\n");
    }
    text
}

/// What each tool was told and said; tools that said the same stand together.
fn said(one: &Tried) -> String {
    let mut text = String::new();
    let mut outcomes = one.outcomes.iter().peekable();
    while let Some(outcome) = outcomes.next() {
        let _ = writeln!(text, "$ {}", outcome.command);
        let same = |next: &&Outcome| last(next) == last(outcome);
        while let Some(next) = outcomes.next_if(same) {
            let _ = writeln!(text, "$ {}", next.command);
        }
        text.push_str(&last(outcome));
    }
    text
}

/// Who named how many causes, and after how long.
fn sums(tried: &[&Tried], tools: &[Tool]) -> String {
    let mut text =
        "| | causes named | exit code 0 | median seconds | longest |\n|---|---|---|---|---|\n"
            .to_owned();
    for (number, tool) in tools.iter().enumerate() {
        let outcomes: Vec<_> = tried.iter().map(|one| &one.outcomes[number]).collect();
        let asked = outcomes.iter().filter(|it| it.named.is_some()).count();
        let named = outcomes.iter().filter(|it| it.named == Some(true)).count();
        let zero = outcomes.iter().filter(|it| it.code == 0).count();
        let mut times: Vec<Duration> = outcomes.iter().map(|it| it.took).collect();
        times.sort();
        let (middle, longest) = (times[times.len() / 2], times[times.len() - 1]);
        let _ = writeln!(
            text,
            "| {} | {named} of {asked} | {zero} of {} | {} | {} |",
            tool.name(),
            outcomes.len(),
            seconds(middle),
            seconds(longest)
        );
    }
    text
}

/// How soon after the cluster `status` knew it.
fn lags(tried: &[&Tried]) -> String {
    let outcomes = tried.iter().flat_map(|one| &one.outcomes);
    let lags: Vec<_> = outcomes.filter_map(|outcome| outcome.lag).collect();
    let mut told: Vec<Duration> = lags.iter().copied().flatten().collect();
    told.sort();
    let Some(longest) = told.last() else {
        return String::new();
    };
    let middle = seconds(told[told.len() / 2]);
    let soon = told.iter().filter(|lag| **lag <= SOON).count();
    format!(
        "\nOf {} causes that are in a pod, an event or a job, `gantry status` named {} while `gantry up` waited: {soon} of them within \
         a second after the cluster knew it, half within {middle} s, the last after {} s.\n",
        lags.len(),
        told.len(),
        seconds(*longest),
    )
}

fn cell(outcome: &Outcome) -> String {
    let named = match outcome.named {
        Some(true) => ", **named**",
        Some(false) => ", not named",
        None => "",
    };
    let lag = match outcome.lag {
        Some(Some(lag)) => format!(", {} s after the cluster", seconds(lag)),
        Some(None) => ", not while it waited".to_owned(),
        None => String::new(),
    };
    format!(
        "{} s, exit code {}{named}{lag}",
        seconds(outcome.took),
        outcome.code
    )
}

fn seconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64())
}

/// The last lines, none too long.
fn last(outcome: &Outcome) -> String {
    let lines = outcome.said.lines().map(str::trim_end);
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    let shown = if outcome.code == 0 {
        LINES_OF_SUCCESS
    } else {
        LINES
    };
    let from = lines.len().saturating_sub(shown);
    let lines = lines[from..]
        .iter()
        .map(|line| match line.char_indices().nth(WIDTH) {
            Some((at, _)) => format!("{}…\n", &line[..at]),
            None => format!("{line}\n"),
        });
    lines.collect()
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

#[cfg(test)]
mod tests {
    use super::{MARK, with};

    #[test]
    fn what_stands_above_the_mark_stays() {
        let old = format!("# Ours\n{MARK}\nold\n");
        let new = with(&old, "new\n").expect("the mark is there");
        assert_eq!(new, format!("# Ours\n{MARK}\nnew\n"));
        assert!(with("# Ours\n", "new\n").is_err());
    }
}
