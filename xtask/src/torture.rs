//! A running stack whose parts are killed at random, again and again.
//!
//! A hundred services that go on, fork, crash, and end keep a book of what they did
//! (`gantry-test-service work`). Every round kills the guard, the keeper or the supervisor; every fifth
//! kills all three, and `up` takes over what lives. A stack may have several pairs of guard and keeper;
//! then one of a pair is killed, or a pair as a whole. In between, services are told to stop and start,
//! one of them while the kill happens. After each kill `status` must answer, who was not told to
//! change must be the process that it was and must be heard, no service may run twice, and how those ended
//! that did must be known, or said to be unknown where both who could have waited for them were killed. In
//! the end each log must hold every line exactly once; lines may be missing only at a gap mark. A run prints its seed, and the same seed kills in the same order.
//! Every tenth round tells how far it is, and so does a run that fails or is interrupted.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::ValueEnum;

use crate::shell;

mod book;
mod chance;
mod interrupt;
mod stack;
mod victims;

use book::Book;
use chance::Chance;
use interrupt::Interrupt;
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
    /// How many services a pair of guard and keeper has. If there are several pairs, those behind the first
    /// are also killed as a whole.
    #[arg(long)]
    pair_capacity: Option<usize>,
    /// The programs are built already.
    #[arg(long)]
    built: bool,
    /// Where they are, if not where a debug build puts them. They are not built then.
    #[arg(long)]
    programs: Option<PathBuf>,
    /// Of the order in which things are killed.
    #[arg(long)]
    seed: Option<u64>,
    /// If the run fails, its stack runs on, for you to look at.
    #[arg(long)]
    leave: bool,
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
    /// Guard and keeper of another pair than the first, at one instant.
    #[value(skip)]
    Pair,
}

/// In so many rounds everything is killed once.
const ALL: usize = 5;

/// After so many rounds the run tells how far it is.
const TOLD: usize = 10;

/// How long a stack may need until `status` answers again.
const HEALED: Duration = Duration::from_secs(10);

/// What was seen.
#[derive(Default)]
struct Seen {
    rounds: usize,
    kills: usize,
    whole: usize,
    slowest: Duration,
    exits: usize,
    unknown: usize,
}

impl Display for Seen {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            rounds,
            kills,
            whole,
            slowest,
            exits,
            unknown,
        } = self;
        write!(
            out,
            "{rounds} rounds: {kills} processes killed, {whole} times all three; {exits} exits looked up, \
             {unknown} unknown with the reason; status answered after at most {slowest:.0?}"
        )
    }
}

/// Kill, look, and kill again.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if !args.built && args.programs.is_none() {
        // As the test run does, so that nothing is built twice.
        shell::run(shell::cargo().args(["build", "--workspace", "--bins"]))?;
    }
    let seed = args.seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("seed {seed}");
    let interrupt = Interrupt::watch()?;
    let programs = args.programs.clone();
    let programs = programs.unwrap_or_else(|| shell::root().join("target/debug"));
    let mut stack = Stack::up(&programs, args.services, args.pair_capacity)?;
    let mut book = Book::new(stack.book(), stack.services());
    let mut found = Seen::default();
    let outcome = all_rounds(args, &mut stack, &mut book, seed, &interrupt, &mut found)
        .and_then(|()| the_end(&stack, &book));
    if outcome.is_err() {
        tell("failed", seed, &found, &mut stack, &book);
        if args.leave {
            eprintln!("left as it is: {}", stack.leave().display());
        }
    }
    let (lines, gaps) = outcome?;
    let (starts, services) = (book.starts(), args.services);
    println!(
        "{found}; {services} services, {starts} starts, none twice; {lines} lines, each once, {gaps} gap marks"
    );
    if interrupt.came() {
        eprintln!("interrupted (seed {seed})");
        return Ok(ExitCode::from(130));
    }
    Ok(ExitCode::SUCCESS)
}

fn all_rounds(
    args: &Args,
    stack: &mut Stack,
    book: &mut Book,
    seed: u64,
    interrupt: &Interrupt,
    found: &mut Seen,
) -> anyhow::Result<()> {
    let mut chance = Chance::new(seed);
    book.check_up()?;
    while found.rounds < args.rounds && !interrupt.came() {
        let round = found.rounds + 1;
        one_round(args, stack, book, &mut chance, round, found)
            .with_context(|| format!("round {round} of {} (seed {seed})", args.rounds))?;
        found.rounds = round;
        if round.is_multiple_of(TOLD) {
            tell("so far", seed, found, stack, book);
        }
    }
    Ok(())
}

/// What can be compared only when nothing runs any more: gives how many lines and gap marks there are.
fn the_end(stack: &Stack, book: &Book) -> anyhow::Result<(usize, usize)> {
    stack.stop_all()?;
    let compared = book
        .check_logs(|name| stack.log(name))
        .context("a log is not what its service printed")?;
    stack.down()?;
    Ok(compared)
}

/// How far the run is.
fn tell(what: &str, seed: u64, found: &Seen, stack: &mut Stack, book: &Book) {
    let (starts, lines) = (book.starts(), stack.lines());
    eprintln!("{what} (seed {seed}): {found}; {starts} starts, {lines} lines");
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
        let (part, pair) = whom(args, stack, chance);
        let victims = stack.find(part, pair);
        let victims = victims.with_context(|| format!("no {part:?} of pair {pair}"))?;
        begin = Instant::now();
        victims.kill();
        seen.kills += victims.count();
        book.killed(part, pair);
    }
    let status = loop {
        match stack.status() {
            Ok(status) => break status,
            Err(error) if begin.elapsed() > HEALED => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    seen.slowest = seen.slowest.max(begin.elapsed());
    // At once: later the book knows of more than this status.
    for name in stack.of(Kind::Once) {
        if let Some(known) = book.check_exit(name, &status)? {
            seen.exits += 1;
            seen.unknown += usize::from(!known);
        }
    }
    // Whether these orders were heard before the kill nobody can say: they are given again.
    stack.end(restart)?;
    stack.end(begun_once)?;
    stack.ensure_up(&disturbed)?;
    book.disturbed(&disturbed)?;
    book.check_same()?;
    book.check_heard(|name| stack.length(name))?;
    ensure!(!book.doubled(), "a service ran twice at a time");
    std::thread::sleep(Duration::from_millis(chance.below(100) as u64));
    Ok(())
}

/// What is killed in this round, and of which pair of guard and keeper.
fn whom(args: &Args, stack: &Stack, chance: &mut Chance) -> (Part, usize) {
    let pairs = stack.pairs();
    let mut parts = args.kill.clone();
    parts.extend((pairs > 1).then_some(Part::Pair));
    let part = parts[chance.below(parts.len())];
    let pair = match part {
        _ if pairs == 1 => 1,
        Part::Supervisor => 1,
        Part::Keeper | Part::Guard => 1 + chance.below(pairs),
        Part::Pair => 2 + chance.below(pairs - 1),
    };
    (part, pair)
}
