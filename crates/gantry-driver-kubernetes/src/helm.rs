//! Releases: made by the `helm` program, and watched in the cluster like everything else here.
//!
//! # Who knows what
//!
//! Helm keeps what it knows of a release in the cluster, one Secret for each revision. So nothing is asked of the program
//! that can be read there (`release.rs`): in which state it is, which objects and hooks it has, its notes. The program
//! (`tool.rs`) is run for what only it can do, as a job of the keeper that outlives a supervisor. It is never told to wait
//! for anything but hooks: when a release is ready is decided by the rules that hold for manifests.
//!
//! # Whose a release is
//!
//! One that this stack's inventory has, or that carries this stack's label. Anything else is refused, unless `adopt`.
//!
//! # What is found, and what is done about it
//!
//! | the newest revision | ours | what follows |
//! |---|---|---|
//! | none | | it is installed |
//! | `deployed`, `superseded`, `uninstalled` | yes | it is upgraded, or installed |
//! | `failed`, and one was deployed before | yes | it is upgraded: what was deployed is what Helm compares with |
//! | `failed`, and none was ever deployed | yes | it is uninstalled and installed: Helm would call it deployed without running its hooks for an installation |
//! | `pending-…`, by a run of ours that is known to have ended | yes | that revision is forgotten, and it is done again |
//! | `pending-…` otherwise | yes | `on-stuck` |
//! | any | no | refused, or taken over with `adopt` |

pub(crate) mod back;
pub(crate) mod check;
pub(crate) mod conclude;
pub(crate) mod driver;
pub(crate) mod fetch;
pub(crate) mod kinds;
pub(crate) mod needs;
pub(crate) mod preview;
pub(crate) mod release;
pub(crate) mod tool;
pub(crate) mod uninstall;
pub(crate) mod upgrade;
pub(crate) mod words;
