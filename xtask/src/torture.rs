//! A running stack whose parts are killed at random, again and again.
//!
//! A hundred services that go on, fork, crash, and end keep a book of what they did
//! (`gantry-test-service work`). Every round kills the guard, the keeper or the supervisor; every fifth
//! kills all three, and `up` takes over what lives. In between, services are told to stop and start,
//! one of them while the kill happens. After each kill `status` must answer, who was not told to
//! change must be the process that it was, no service may run twice, and how those ended that did must
//! be known, or said to be unknown where both who could have waited for them were killed. In the
//! end each log must hold every line exactly once; lines may be missing only at a gap mark. A run
//! prints its seed, and the same seed kills in the same order.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::ValueEnum;

use crate::shell;

mod book;
mod chance;
mod stack;

use book::Book;
use chance::Chance;
use stack::{Kind, Stack};

/// Its options.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many services run.
    #[arg(long, default_value_t = 100)]
    services: usize,
    /// How often something is killed.
    #[arg(long, default_value_t = 50)]
    rounds: usize,
    /// What may be killed.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "supervisor,keeper,guard"
    )]
    kill: Vec<Part>,
    /// The programs are built already.
    #[arg(long)]
    built: bool,
    /// Of the order in which things are killed.
    #[arg(long)]
    seed: Option<u64>,
}

/// A part of a running stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// The process that thinks.
    Supervisor,
    /// The parent of the services.
    Keeper,
    /// The parent of both.
    Guard,
}

/// In so many rounds everything is killed once.
const ALL: usize = 5;

/// How long a stack may need until `status` answers again.
const HEALED: Duration = Duration::from_secs(10);

/// What was seen.
#[derive(Default)]
struct Seen {
    kills: usize,
    whole: usize,
    slowest: Duration,
    exits: usize,
    unknown: usize,
}

/// Kill, look, and kill again.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if !args.built {
        // As the test run does, so that nothing is built twice.
        shell::run(shell::cargo().args(["build", "--workspace", "--bins"]))?;
    }
    let seed = args.seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("seed {seed}");
    let mut chance = Chance::new(seed);
    let stack = Stack::up(&shell::root().join("target/debug"), args.services)?;
    let mut book = Book::new(stack.book(), stack.services());
    book.check_up()?;
    let mut found = Seen::default();
    for round in 1..=args.rounds {
        one_round(args, &stack, &mut book, &mut chance, round, &mut found)
            .with_context(|| format!("round {round} of {} (seed {seed})", args.rounds))?;
    }
    stack.stop_all()?;
    let (lines, gaps) = book
        .check_logs(|name| stack.log(name))
        .context("a log is not what its service printed")?;
    let starts = book.starts();
    stack.down()?;
    let Seen {
        kills,
        whole,
        slowest,
        exits,
        unknown,
    } = found;
    println!(
        "{} rounds, {} services: {kills} processes killed, {whole} times all three; {starts} starts, \
         none twice; {exits} exits looked up, {unknown} unknown with the reason; {lines} lines, each \
         once, {gaps} gap marks; status answered after at most {slowest:.0?}",
        args.rounds, args.services
    );
    Ok(ExitCode::SUCCESS)
}

fn one_round(
    args: &Args,
    stack: &Stack,
    book: &mut Book,
    chance: &mut Chance,
    round: usize,
    seen: &mut Seen,
) -> anyhow::Result<()> {
    let mut pick = |kind| {
        let of_kind: Vec<&str> = stack.of(kind).collect();
        of_kind[chance.below(of_kind.len())].to_owned()
    };
    // Exactly one more start of this one; and one whose order and a kill come together.
    let (told, disturbed, once) = (pick(Kind::Steady), pick(Kind::Fork), pick(Kind::Once));
    stack.gantry(&["stop", &told])?;
    stack.gantry(&["start", &told])?;
    book.started(&told);
    let restart = stack.begin(&["restart", &disturbed])?;
    let begun_once = stack.begin(&["start", &once])?;
    std::thread::sleep(Duration::from_millis(chance.below(60) as u64));
    let begin;
    if round.is_multiple_of(ALL) {
        begin = Instant::now();
        seen.kills += stack.kill_all()?;
        seen.whole += 1;
        book.killed_all();
        std::thread::sleep(Duration::from_millis(chance.below(100) as u64));
        stack.restore()?;
    } else {
        let part = args.kill[chance.below(args.kill.len())];
        let victim = stack.find(part).with_context(|| format!("no {part:?}"))?;
        begin = Instant::now();
        victim.kill();
        seen.kills += 1;
        book.killed(part);
    }
    let status = loop {
        match stack.status() {
            Ok(status) => break status,
            Err(error) if begin.elapsed() > HEALED => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    seen.slowest = seen.slowest.max(begin.elapsed());
    // Whether these orders were heard before the kill nobody can say: they are given again.
    stack.end(restart)?;
    stack.end(begun_once)?;
    stack.ensure_up(&disturbed)?;
    book.disturbed(&disturbed)?;
    book.check_same()?;
    for name in stack.of(Kind::Once) {
        if let Some(known) = book.check_exit(name, &status)? {
            seen.exits += 1;
            seen.unknown += usize::from(!known);
        }
    }
    ensure!(!book.doubled(), "a service ran twice at a time");
    std::thread::sleep(Duration::from_millis(chance.below(100) as u64));
    Ok(())
}
