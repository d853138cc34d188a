//! The reference of the command line, made from what clap knows.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory as _};

use crate::cli::Cli;
use crate::output::Output;

/// `docs/reference/cli.md`.
pub(crate) fn run(output: &Output) {
    output.results.bytes(page().as_bytes());
}

fn page() -> String {
    let mut root = Cli::command();
    root.build();
    let mut text = String::from(
        "# The command line\n\n\
         This page is made from the program itself: `gantry __reference`.\n\n",
    );
    for line in about(&root) {
        let _ = writeln!(text, "{line}");
    }
    text.push_str("\n## For every verb\n\n");
    arguments(&root, true, &mut text);
    if let Some(codes) = root.get_after_help() {
        let _ = write!(text, "\n```text\n{codes}\n```\n");
    }
    for verb in root.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        section(verb, "gantry", &mut text);
    }
    text
}

fn section(verb: &Command, before: &str, text: &mut String) {
    let name = format!("{before} {}", verb.get_name());
    if verb.has_subcommands() {
        for below in verb
            .get_subcommands()
            .filter(|below| below.get_name() != "help")
        {
            section(below, &name, text);
        }
        return;
    }
    let _ = write!(
        text,
        "\n## {name}\n\n```text\n{}\n```\n\n",
        usage(verb, &name)
    );
    for line in about(verb) {
        let _ = writeln!(text, "{line}");
    }
    text.push('\n');
    arguments(verb, false, text);
}

fn usage(verb: &Command, name: &str) -> String {
    let text = verb.clone().render_usage().to_string();
    let rest = text.trim().trim_start_matches("Usage:").trim();
    let rest = rest.strip_prefix("gantry").unwrap_or(rest);
    let own = name.strip_prefix("gantry").unwrap_or(name);
    format!("gantry{own}{}", rest.strip_prefix(own).unwrap_or(rest))
}

fn about(verb: &Command) -> Vec<String> {
    let about = verb.get_long_about().or_else(|| verb.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    about.lines().map(str::to_owned).collect()
}

/// One line an argument. Those of every verb are told once, at the top.
fn arguments(verb: &Command, top: bool, text: &mut String) {
    for argument in verb.get_arguments() {
        let hidden =
            argument.is_hide_set() || ["help", "version"].contains(&argument.get_id().as_str());
        let told = argument.is_global_set()
            || argument.get_short() == Some('f') && argument.get_id() == "files";
        if hidden || (!top && told) {
            continue;
        }
        let help = argument.get_long_help().or_else(|| argument.get_help());
        let help = help
            .map(ToString::to_string)
            .unwrap_or_default()
            .replace('\n', " ");
        let _ = writeln!(text, "- `{}`: {help}", spelled(argument));
    }
}

fn spelled(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    let value = if argument.get_action().takes_values() {
        names.first().map(|name| format!("<{name}>"))
    } else {
        None
    };
    let short = argument.get_short().map(|short| format!("-{short}"));
    let long = argument.get_long().map(|long| format!("--{long}"));
    let words = [short, long]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ");
    match (words.is_empty(), value) {
        (true, Some(value)) => value,
        (false, Some(value)) => format!("{words} {value}"),
        (_, None) => words,
    }
}
