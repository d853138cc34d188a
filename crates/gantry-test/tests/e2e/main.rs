//! What a user can rely on, driven through the real binary.

// The stack of the README: up, a crash, down.
mod quickstart;
// The supervisor is killed, and no service notices.
mod survival;
// Many copies of one stack at the same time.
mod copies;
// Exit codes, and that each names the service and the cause.
mod exit_codes;
// The object that `status -o json` prints.
mod sockets;
mod status;
// `up` after the file has changed.
mod changes;
// `up` in the foreground: one Ctrl-C, two, and the client's death.
mod foreground;
// Stopping by a command.
mod stop_command;
// Telling services to read their configuration again.
mod reload;
// Readiness that services tell by themselves, through everybody's death.
mod told;
// Hooks before and after start and stop.
mod hooks;
// Logs, raw and otherwise.
mod logs;
// As root and as an ordinary user.
mod users;
// Limits, usage, want of memory.
mod resources;
// PostgreSQL, Redis, nginx: the example of Debian's packages.
mod web;
// What the machine may do to a stack.
mod faults;
// Helpers.
mod support;
