//! Who is killed, and how it is known which pair of guard and keeper a process belongs to.

use gantry_test::Process;

/// What is killed at one instant.
pub(super) enum Victims {
    One(Process),
    Pair { guard: Process, keeper: Process },
}

impl Victims {
    pub(super) fn count(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Pair { .. } => 2,
        }
    }

    pub(super) fn kill(&self) {
        match self {
            Self::One(process) => process.kill(),
            Self::Pair { guard, keeper } => {
                // It is held, or it would take the guard's place.
                keeper.hold();
                guard.kill();
                keeper.kill();
            }
        }
    }
}

/// The pair that a guard or keeper belongs to. The lock of the first is in the stack's own folder, that of
/// each other one in its own.
pub(super) fn pair_of(process: &Process) -> Option<usize> {
    let lock = process.open_file("guard.lock")?;
    let number = lock.parent()?.file_name()?.to_str()?;
    Some(number.parse().unwrap_or(1))
}
