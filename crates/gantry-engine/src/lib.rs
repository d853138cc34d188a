//! The dispatcher, its executors, pre-flight and the supervisor's socket.
//!
//! One supervisor keeps one stack, on one thread. Everything that reaches it (signals, requests, what
//! sessions report, answers of probes, timers) becomes one stream; the dispatcher tells the core,
//! which decides; executors carry out what it decided, and report back into the same stream.
//! Nothing begins before it is registered, and nothing that waits holds anything else up.
//!
//! | module | what it does |
//! |---|---|
//! | [`supervisor`] | lock, adoption, socket, end |
//! | `dispatcher` | the loop; from drivers' words to the core's; what outlives a supervisor |
//! | `effects` | one executor each: start, stop, hooks, reload, probes, timers, telling |
//! | `operations` | what clients ask for, from its checks to its end |
//! | `convert`, `definition`, `beside`, `book`, `tables`, `seldom` | from the model to what drivers are given |
//! | `resolve` | references and secrets, as seen from the one who asks |
//! | [`preflight`] | what is looked at before anything is started |
//! | [`ports`], `port_book`, [`holder`] | free ports, and who holds one |
//! | `status`, `explain`, `plan_view` | what clients see |
//! | `serve` | the socket |
//! | [`event_log`], `journal`, `saved`, [`files`], [`lock`] | what is on disk |

mod attach;
mod beside;
mod book;
mod calm;
mod clock;
mod convert;
mod definition;
mod dispatcher;
mod effects;
pub mod event_log;
mod evidence;
mod explain;
pub mod files;
mod history;
pub mod holder;
mod identity;
mod inbox;
mod journal;
pub mod lock;
mod notes;
mod operations;
mod plan_view;
mod port_book;
pub mod ports;
pub mod preflight;
mod resolve;
mod saved;
mod seldom;
mod serve;
mod sessions;
mod status;
mod strays;
pub mod supervisor;
mod tables;
mod usage;
mod wire;
