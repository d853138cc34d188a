//! What guard and keeper both see.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixListener;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use gantry_sys::{
    Environment, LANES, LetterBox, OpenFiles, ProcessRef, SharedWords, Slots, Stage, Witness,
};

use crate::guard::GuardConfig;
use crate::intake::Intake;
use crate::layout::{LAST_PAIR, Layout};
use crate::tally::Tally;

/// All that the guard hands to each keeper that it makes: by copy of memory, and with the same
/// descriptors.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: GuardConfig,
    pub(crate) layout: Layout,
    pub(crate) slots: Slots,
    pub(crate) listener: UnixListener,
    /// Written by the guard when it put something into the file of orphans.
    pub(crate) orphans_bell: OwnedFd,
    /// Written by a keeper when it has closed what its predecessor left.
    pub(crate) ready_bell: OwnedFd,
    /// Written by the first keeper when it wants another pair.
    pub(crate) pairs_bell: OwnedFd,
    /// The locked file; held as long as either lives.
    pub(crate) lock: std::fs::File,
    /// Every run knows it too.
    pub(crate) boot_id: Rc<str>,
    /// The environment that `up` was given.
    pub(crate) environment: Environment,
    pub(crate) open_files: OpenFiles,
    /// Through which all output goes.
    pub(crate) intake: Intake,
    /// What logs had to throw away.
    pub(crate) tally: Tally,
    /// The socket for services' messages, which outlives every keeper. None if it cannot be had.
    pub(crate) letters: Option<LetterBox>,
    /// Where a guard is called that is to look whether its folder is still there. None if it cannot be had.
    pub(crate) summons: Option<UnixListener>,
    words: SharedWords,
}

/// With this in the environment of `up`, a pair is given so many instances.
pub const PAIR_CAPACITY: &str = "GANTRY_PAIR_CAPACITY";

/// How many instances one pair serves where the limit of descriptors allows it.
const CAPACITY: u64 = 4000;

/// Why a supervisor is not started again, if nothing runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SupervisorEnd {
    /// It ended well: as far as it knows the stack is down.
    Done = 1,
    /// It has not come to live for so long that nobody waits for it any more.
    Hopeless = 2,
}

const SHUTDOWN: usize = 0;
const SUPERVISOR_PID: usize = 1;
const SUPERVISOR_START: usize = 2;
const KEEPER_STARTS: usize = 3;
const SUPERVISOR_END: usize = 4;
const GUARD_PID: usize = 5;
const GUARD_START: usize = 6;
const WANTED_PAIRS: usize = 7;
const RECOVERED: usize = 8;
const SHUT_DOWN_BY: usize = 9;
/// From here on, for each lane of starts: what is being started, its pid, which step of it failed.
const STARTS: usize = 10;
const WORDS: usize = STARTS + 3 * LANES;

impl Shared {
    #[expect(clippy::too_many_arguments, reason = "it is made in one place only")]
    pub(crate) fn new(
        config: GuardConfig,
        layout: Layout,
        slots: Slots,
        listener: UnixListener,
        bells: [OwnedFd; 3],
        lock: std::fs::File,
        boot_id: String,
        environment: Environment,
        open_files: OpenFiles,
        intake: Intake,
        letters: Option<LetterBox>,
        summons: Option<UnixListener>,
    ) -> Result<Self, gantry_sys::SysError> {
        let [orphans_bell, ready_bell, pairs_bell] = bells;
        let shared = Self {
            config,
            layout,
            slots,
            listener,
            orphans_bell,
            ready_bell,
            pairs_bell,
            lock,
            boot_id: boot_id.into(),
            environment,
            open_files,
            intake,
            tally: Tally::new()?,
            letters,
            summons,
            words: SharedWords::new(WORDS)?,
        };
        shared.set_guard();
        Ok(shared)
    }

    /// Every descriptor of it, none of which a keeper may close.
    pub(crate) fn fds(&self) -> impl Iterator<Item = RawFd> {
        [
            self.listener.as_raw_fd(),
            self.orphans_bell.as_raw_fd(),
            self.ready_bell.as_raw_fd(),
            self.pairs_bell.as_raw_fd(),
            self.lock.as_raw_fd(),
        ]
        .into_iter()
        .chain(self.intake.fds())
        .chain(self.letters.iter().map(AsRawFd::as_raw_fd))
        .chain(self.summons.iter().map(AsRawFd::as_raw_fd))
    }

    fn word(&self, index: usize) -> &AtomicU64 {
        &self.words.words()[index]
    }

    /// Whether nobody is left for a keeper that has no services is for the keeper to find out.
    pub(crate) fn set_supervisor_end(&self, end: SupervisorEnd) {
        self.word(SUPERVISOR_END)
            .store(end as u64, Ordering::SeqCst);
    }

    /// What was set since this was last asked.
    pub(crate) fn take_supervisor_end(&self) -> Option<SupervisorEnd> {
        let ends = [SupervisorEnd::Done, SupervisorEnd::Hopeless];
        let word = self.word(SUPERVISOR_END).swap(0, Ordering::SeqCst);
        ends.into_iter().find(|end| *end as u64 == word)
    }

    /// The keeper is about to start what carries this mark, in this lane: the words in which kernel and child leave
    /// what became of it, should the keeper be killed meanwhile.
    pub(crate) fn begin_spawn(&self, lane: usize, mark: &str) -> Witness {
        let [spawning, pid, failed] = start_words(lane);
        for word in [spawning, pid, failed] {
            self.word(word).store(0, Ordering::SeqCst);
        }
        let hash = hash(mark);
        // A job of the same name may have been started before.
        for [before, ..] in (0..LANES).map(start_words) {
            let _ = self
                .word(before)
                .compare_exchange(hash, 0, Ordering::SeqCst, Ordering::SeqCst);
        }
        self.word(spawning).store(hash, Ordering::SeqCst);
        self.words.witness(pid, failed)
    }

    /// What became of the start of what carries this mark: its pid if it was born, and the step that
    /// failed if one has so far.
    pub(crate) fn spawn_begun(&self, mark: &str) -> (Option<u32>, Option<(Stage, i32)>) {
        let wanted = hash(mark);
        let mut lanes = (0..LANES).map(start_words);
        let found =
            lanes.find(|[spawning, ..]| self.word(*spawning).load(Ordering::SeqCst) == wanted);
        let Some([_, pid, failed]) = found else {
            return (None, None);
        };
        let pid = u32::try_from(self.word(pid).load(Ordering::SeqCst)).ok();
        let failed = Stage::unpack(self.word(failed).load(Ordering::SeqCst));
        (pid.filter(|pid| *pid != 0), failed)
    }

    /// There should be this further pair. It is the guard who starts it.
    pub(crate) fn want_pair(&self, number: u32) {
        self.word(WANTED_PAIRS)
            .fetch_or(1 << number, Ordering::SeqCst);
        ring(&self.pairs_bell);
    }

    /// The pairs that were wanted since this was last asked.
    pub(crate) fn take_wanted_pairs(&self) -> impl Iterator<Item = u32> + use<> {
        let mut bell = [0; 8];
        let _ = rustix::io::read(&self.pairs_bell, &mut bell);
        let wanted = self.word(WANTED_PAIRS).swap(0, Ordering::SeqCst);
        (0..=LAST_PAIR).filter(move |number| wanted >> number & 1 == 1)
    }

    /// The keeper was told to end, and has nothing left.
    pub(crate) fn set_shut_down(&self) {
        self.word(SHUTDOWN).store(1, Ordering::SeqCst);
    }

    pub(crate) fn is_shut_down(&self) -> bool {
        self.word(SHUTDOWN).load(Ordering::SeqCst) == 1
    }

    /// The supervisor with this pid has told the keeper to end; none if it did not say who it is, or nobody told.
    pub(crate) fn set_shut_down_by(&self, supervisor: Option<u32>) {
        let pid = supervisor.unwrap_or(0).into();
        self.word(SHUT_DOWN_BY).store(pid, Ordering::SeqCst);
    }

    /// Whether another supervisor than this one has told the keeper to end, so that this one knows nothing of it.
    pub(crate) fn was_shut_down_by_another(&self, supervisor: ProcessRef) -> bool {
        let by = self.word(SHUT_DOWN_BY).load(Ordering::SeqCst);
        by != 0 && by != u64::from(supervisor.pid)
    }

    pub(crate) fn set_supervisor(&self, process: Option<ProcessRef>) {
        let (pid, start) = process.map_or((0, 0), |process| (process.pid, process.start_time));
        self.word(SUPERVISOR_START).store(start, Ordering::SeqCst);
        self.word(SUPERVISOR_PID)
            .store(pid.into(), Ordering::SeqCst);
    }

    pub(crate) fn supervisor(&self) -> Option<ProcessRef> {
        let pid = u32::try_from(self.word(SUPERVISOR_PID).load(Ordering::SeqCst)).ok()?;
        (pid != 0).then(|| ProcessRef {
            pid,
            start_time: self.word(SUPERVISOR_START).load(Ordering::SeqCst),
        })
    }

    /// This process is the guard from now on.
    pub(crate) fn set_guard(&self) {
        let pid = std::process::id();
        let start = gantry_sys::start_time(pid).unwrap_or(0);
        self.word(GUARD_START).store(start, Ordering::SeqCst);
        self.word(GUARD_PID).store(pid.into(), Ordering::SeqCst);
    }

    /// The guard.
    pub(crate) fn guard(&self) -> ProcessRef {
        ProcessRef {
            pid: u32::try_from(self.word(GUARD_PID).load(Ordering::SeqCst)).unwrap_or(0),
            start_time: self.word(GUARD_START).load(Ordering::SeqCst),
        }
    }

    /// How many instances this pair should be given. Each takes two descriptors, and up to four for a while
    /// after a keeper's death; some are left for all else.
    pub(crate) fn capacity(&self) -> u64 {
        let wished = self.environment.get(PAIR_CAPACITY);
        let wished = wished.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
        let room = (self.open_files.hard / 5).max(1);
        wished
            .filter(|wished| *wished > 0)
            .unwrap_or(CAPACITY.min(room))
    }

    /// A keeper has taken over what ran: from now on the ledger names descriptors that are open here.
    pub(crate) fn set_recovered(&self) {
        self.word(RECOVERED).store(1, Ordering::SeqCst);
    }

    pub(crate) fn is_recovered(&self) -> bool {
        self.word(RECOVERED).load(Ordering::SeqCst) == 1
    }

    pub(crate) fn count_keeper(&self) -> u64 {
        self.word(KEEPER_STARTS).fetch_add(1, Ordering::SeqCst) + 1
    }

    /// It was not to be.
    pub(crate) fn uncount_keeper(&self) {
        self.word(KEEPER_STARTS).fetch_sub(1, Ordering::SeqCst);
    }

    pub(crate) fn keeper_starts(&self) -> u64 {
        self.word(KEEPER_STARTS).load(Ordering::SeqCst)
    }
}

/// Wake whoever waits at this eventfd.
pub(crate) fn ring(bell: &OwnedFd) {
    let _ = rustix::io::write(bell, &1_u64.to_ne_bytes());
}

/// Where the words of a lane are.
fn start_words(lane: usize) -> [usize; 3] {
    let first = STARTS + 3 * lane;
    [first, first + 1, first + 2]
}

/// A number for a mark, other than 0.
fn hash(mark: &str) -> u64 {
    let hash = gantry_sys::stack_hash(std::path::Path::new(mark));
    u64::from_str_radix(&hash, 16).unwrap_or(1).max(1)
}
