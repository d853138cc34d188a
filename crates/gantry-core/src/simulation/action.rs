//! What can happen in a schedule.

use super::random::Random;

/// One thing that happens. Numbers pick one of what there is at that moment, modulo how many there
/// are, so that an action means something whatever else is left out of the schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the names are the documentation, and nothing outside builds them"
)]
pub enum Action {
    Up {
        variant: usize,
        named: Option<usize>,
        hurry: bool,
    },
    Start(usize),
    Stop {
        service: usize,
        cascade: bool,
        force: bool,
        kill: bool,
    },
    Restart {
        service: usize,
        cascade: bool,
    },
    Down {
        kill: bool,
    },
    Scale {
        service: usize,
        replicas: u16,
    },
    Cancel(usize),
    /// The backend carries out one of the things it was asked.
    Work {
        which: usize,
        exits_first: bool,
    },
    /// The same, but nobody will ever know how it went.
    WorkLost {
        which: usize,
        done: bool,
    },
    /// A start fails.
    StartFails {
        which: usize,
        permanent: bool,
    },
    /// A stop is resisted.
    Resist(usize),
    /// The backend or a probe is heard.
    News(usize),
    /// Time passes, and timers run out.
    Wait(u64),
    /// A process ends.
    Exit {
        which: usize,
        code: i32,
        left: bool,
        overtakes: bool,
    },
    Ready(usize),
    NotReady(usize),
    NotLive(usize),
    /// Its backend says that it will never be ready.
    Doom(usize),
    /// It asks for more time, or names another leader.
    MoreTime(usize),
    Leader(usize),
    Child {
        service: usize,
        gone: bool,
    },
    KillSupervisor {
        done: u64,
    },
    LoseBackend {
        done: u64,
    },
    Reconnect,
    PreflightFails(usize),
    /// A report about something that was never asked, or is long over.
    Nonsense {
        which: usize,
        number: u64,
    },
}

impl Action {
    pub(super) fn random(random: &mut Random) -> Self {
        match random.below(100) {
            0..=9 => Self::Up {
                variant: random.pick(),
                named: random.chance(20).then(|| random.pick()),
                hurry: random.chance(20),
            },
            10..=11 => Self::Start(random.pick()),
            12..=15 => Self::Stop {
                service: random.pick(),
                cascade: random.chance(40),
                force: random.chance(40),
                kill: random.chance(25),
            },
            16..=18 => Self::Restart {
                service: random.pick(),
                cascade: random.chance(40),
            },
            19..=20 => Self::Down {
                kill: random.chance(30),
            },
            21 => Self::Scale {
                service: random.pick(),
                replicas: u16::try_from(random.below(4)).unwrap_or(0),
            },
            22..=23 => Self::Cancel(random.pick()),
            24..=45 => Self::Work {
                which: random.pick(),
                exits_first: random.chance(30),
            },
            46..=47 => Self::WorkLost {
                which: random.pick(),
                done: random.chance(50),
            },
            48..=49 => Self::StartFails {
                which: random.pick(),
                permanent: random.chance(30),
            },
            50 => Self::Resist(random.pick()),
            51..=70 => Self::News(random.pick()),
            71..=76 => Self::Wait(match random.below(4) {
                0 => random.below(50),
                1 => random.below(1_000),
                2 => random.below(12_000),
                _ => random.below(70_000),
            }),
            77..=82 => Self::Exit {
                which: random.pick(),
                code: i32::from(random.chance(60)),
                left: random.chance(20),
                overtakes: random.chance(30),
            },
            83..=87 => Self::Ready(random.pick()),
            88 if random.chance(50) => Self::Doom(random.pick()),
            88 => Self::NotReady(random.pick()),
            89..=90 => Self::NotLive(random.pick()),
            91 => Self::Child {
                service: random.pick(),
                gone: random.chance(40),
            },
            92..=93 => Self::KillSupervisor {
                done: random.next(),
            },
            94..=95 => Self::LoseBackend {
                done: random.next(),
            },
            96 => Self::Reconnect,
            97 if random.chance(50) => Self::MoreTime(random.pick()),
            97 => Self::Leader(random.pick()),
            98 => Self::PreflightFails(random.pick()),
            _ => Self::Nonsense {
                which: random.pick(),
                number: random.below(40),
            },
        }
    }
}
