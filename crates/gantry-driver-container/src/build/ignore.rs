//! `.dockerignore`: what of a folder is not sent to an engine, by the rules of Docker's own client.
//!
//! A pattern that matches a folder matches all that is in it. The last pattern that matches decides; one that
//! begins with `!` takes back what earlier ones left out.

use regex::Regex;

/// The patterns of one file.
#[derive(Debug, Default)]
pub(super) struct Ignore {
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    matches: Regex,
    /// Whether it takes back.
    back: bool,
}

impl Ignore {
    /// Reads the text of a file; the error names the line that is no pattern.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let lines = lines.map(str::trim).filter(|line| !line.is_empty());
        let patterns = lines.map(|line| {
            let (back, pattern) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            let wrong = || format!("`{line}` is no pattern");
            let clean = clean(pattern);
            if clean.is_empty() {
                return if back { Err(wrong()) } else { Ok(None) };
            }
            let matches = Regex::new(&expression(&clean)).map_err(|_| wrong())?;
            Ok(Some(Pattern { matches, back }))
        });
        let patterns = patterns.filter_map(Result::transpose);
        Ok(Self {
            patterns: patterns.collect::<Result<_, String>>()?,
        })
    }

    /// Whether this path, with `/` between its parts, is left out.
    pub(super) fn leaves_out(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(at, _)| at);
        let parts: Vec<&str> = ends.map(|end| &path[..end]).chain([path]).collect();
        let mut out = false;
        for pattern in &self.patterns {
            // Only what changes something is looked at.
            if pattern.back == out && parts.iter().any(|part| pattern.matches.is_match(part)) {
                out = !out;
            }
        }
        out
    }

    /// Whether something may be taken back of what is in a folder that is left out.
    pub(super) fn takes_back(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern.back)
    }
}

/// The path without what says nothing: `/a//b/./c/` is `a/b/c`.
fn clean(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The same as a regular expression for a whole path.
fn expression(pattern: &str) -> String {
    let mut out = "^".to_owned();
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.next_if_eq(&'*').is_some() => {
                rest.next_if_eq(&'/');
                out.push_str(if rest.peek().is_none() {
                    ".*"
                } else {
                    "(.*/)?"
                });
            }
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '[' | ']' | '-' | '^' => out.push(c),
            '\\' => {
                let literal = rest.next().unwrap_or('\\').to_string();
                out.push_str(&regex::escape(&literal));
            }
            c => out.push_str(&regex::escape(&c.to_string())),
        }
    }
    out.push('$');
    out
}

#[cfg(test)]
mod tests;
