//! Paths to sources, in files that go where the sources went.

use gantry_stack::node::{Node, Value};

/// Where sources went: from a folder of the project to one of the service's build folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Moves {
    /// The longest first.
    moves: Vec<(String, String)>,
}

/// What may stand before a path in a line.
const BEFORE: &[char] = &['"', '\'', '=', '(', '[', ',', ':', '`', '<'];

/// Parts of keys whose texts are commands.
const COMMANDS: [&str; 6] = ["command", "cmd", "entrypoint", "args", "hook", "script"];

impl Moves {
    /// These, of which the first wins if two are of the same folder.
    pub(crate) fn new(moves: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut moves: Vec<(String, String)> = moves
            .into_iter()
            .filter(|(from, to)| from != to && !from.is_empty())
            .collect();
        moves.sort_by_key(|(from, _)| std::cmp::Reverse(from.len()));
        Self { moves }
    }

    /// A path that begins with a folder that moved, without `./`.
    fn moved(&self, path: &str) -> Option<String> {
        self.moves.iter().find_map(|(from, to)| {
            let rest = path.strip_prefix(from.as_str())?.strip_prefix('/')?;
            Some(format!("{to}/{rest}"))
        })
    }

    /// A text that is a path, as one that leads to where it went.
    pub(crate) fn path(&self, text: &str) -> Option<String> {
        match text.strip_prefix("./") {
            Some(path) => self.moved(path).map(|path| format!("./{path}")),
            None => self.moved(text),
        }
    }

    /// Every path in a line of words.
    pub(crate) fn words(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut begins = true;
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            if begins {
                let plain = rest.strip_prefix("./").unwrap_or(rest);
                let found = self.moves.iter().find(|(from, _)| {
                    plain
                        .strip_prefix(from.as_str())
                        .is_some_and(|rest| rest.starts_with('/'))
                });
                if let Some((from, to)) = found {
                    out.push_str(&rest[..rest.len() - plain.len()]);
                    out.push_str(to);
                    rest = &plain[from.len()..];
                    begins = false;
                    continue;
                }
            }
            begins = letter.is_whitespace() || BEFORE.contains(&letter);
            out.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
        out
    }

    /// A file of requirements, which lies in `folder` of the build folder. Other such files are named from there, and
    /// packages from the folder that a container works in.
    pub(crate) fn requirements(&self, text: &str, folder: &str) -> String {
        let lines = text.split_inclusive('\n').map(|line| {
            let options = ["-r", "--requirement", "-c", "--constraint"];
            let trimmed = line.trim_start();
            let named = options.iter().find_map(|option| {
                let rest = trimmed.strip_prefix(option)?;
                let path = rest.trim_start_matches([' ', '\t', '=']);
                (path.len() < rest.len()).then_some(path)
            });
            let target = named.and_then(|path| self.path(path));
            match (named, target) {
                (Some(path), Some(target)) => {
                    let before = &line[..line.len() - path.len()];
                    let target = target.strip_prefix("./").unwrap_or(&target);
                    let inside = target
                        .strip_prefix(folder)
                        .and_then(|rest| rest.strip_prefix('/'));
                    match inside {
                        Some(inside) => format!("{before}{inside}"),
                        None => format!("{before}{}{target}", up_from(folder)),
                    }
                }
                _ => self.words(line),
            }
        });
        lines.collect()
    }

    /// A `pyproject.toml`, whose texts may be a folder alone.
    pub(crate) fn project(&self, text: &str) -> String {
        let mut text = self.words(text);
        for (from, to) in &self.moves {
            for quote in ['"', '\''] {
                text = text.replace(
                    &format!("{quote}{from}{quote}"),
                    &format!("{quote}{to}{quote}"),
                );
            }
        }
        text
    }

    /// Every path in a configuration: texts that are one, in lists too, and words of commands.
    pub(crate) fn configuration(&self, node: &mut Node) {
        if !self.moves.is_empty() {
            self.within(node, false);
        }
    }

    fn within(&self, node: &mut Node, is_command: bool) {
        match &mut node.value {
            Value::Str(text) => {
                let moved = if is_command {
                    Some(self.words(text)).filter(|words| **words != **text)
                } else {
                    self.path(text)
                };
                if let Some(moved) = moved {
                    *text = moved.into();
                    // What was written is not what it is any more.
                    node.span = gantry_stack::span::Span::NONE;
                }
            }
            Value::Seq(items) => items
                .iter_mut()
                .for_each(|item| self.within(item, is_command)),
            Value::Map(map) => {
                for (key, value) in map.values_mut() {
                    let key = key.name.to_lowercase();
                    let commands = COMMANDS.iter().any(|part| key.contains(part));
                    self.within(value, commands);
                }
            }
            _ => {}
        }
    }
}

/// The way from a folder to where its path begins.
fn up_from(folder: &str) -> String {
    let depth = folder.split('/').filter(|part| !part.is_empty()).count();
    "../".repeat(depth)
}

#[cfg(test)]
mod tests;
