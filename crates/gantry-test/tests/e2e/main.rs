//! What a user can rely on, driven through the real binary.

// The stack of the README: up, a crash, down.
mod quickstart;
// Other probes for what runs already.
mod probes_changed;
// The supervisor is killed, and no service notices.
mod survival;
// More services than one guard and keeper are given.
mod pairs;
// Many copies of one stack at the same time.
mod copies;
// Containers of real engines, beside native processes.
mod containers;
// Compose projects of real engines, beside all others.
mod compose;
// A config.yml of template services on real engines.
mod templates;
// Commands in containers.
mod commands;
// An engine that is stopped and started again.
mod away;
// Images that are fetched from a registry.
mod registry;
// Images that are built.
mod images;
// Exit codes, and that each names the service and the cause.
mod down;
mod early_ends;
mod exit_codes;
// The object that `status -o json` prints.
mod secrets;
mod sockets;
mod status;
// `up` after the file has changed.
mod changes;
mod chosen;
// `up` in the foreground: one Ctrl-C, two, and the client's death.
mod folders;
mod foreground;
// Stopping by a command.
mod stop_command;
// Telling services to read their configuration again.
mod reload;
// Readiness that services tell by themselves, through everybody's death.
mod told;
// Hooks before and after start and stop.
mod hooks;
// A terminal for a service, and joining it.
mod attach;
// Logs, raw and otherwise.
mod logins;
mod logs;
// A home on a file system without locks.
mod names;
mod no_locks;
// The limit of processes is reached by gantry itself.
mod no_processes;
// gantry is replaced on disk while a stack is up.
mod releases;
// A stack as the first release left it.
mod oldest;
mod options;
mod orders;
mod own;
// As root and as an ordinary user.
mod ulimits;
mod users;
// Limits, usage, want of memory.
mod resources;
// A Kubernetes cluster that is a stack.
mod cluster;
// Manifests in that cluster.
mod helm;
mod kubernetes;
// PostgreSQL, Redis, nginx: the example of Debian's packages.
mod web;
// The home is removed over stacks that run.
mod removed_home;
// What the machine may do to a stack.
mod faults;
// Files of its own that somebody has damaged.
mod damage;
// Helpers.
mod support;
