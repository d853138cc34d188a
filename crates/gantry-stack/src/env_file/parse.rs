//! The grammar of `.env` files, without the meaning of `${}`.

use std::ops::Range;

/// A variable as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// The place of the name, in bytes.
    pub at: Range<usize>,
    /// The place of the value, quotes included.
    pub value: Range<usize>,
    /// The value with escapes undone; an escaped `$` is `$$`, as `${}` has it.
    pub text: String,
    /// How it was quoted.
    pub quotes: Quotes,
}

/// How a value was quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quotes {
    /// Not at all.
    None,
    /// `'…'`: nothing in it is special.
    Single,
    /// `"…"`: escapes and `${}`.
    Double,
}

/// What is wrong in an env-file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EnvFileError {
    /// Where, in bytes.
    pub range: Range<usize>,
    /// What.
    pub message: String,
    /// What to do.
    pub hint: Option<&'static str>,
}

/// Parses a whole file. After an error it goes on with the next line.
pub fn parse(text: &str) -> (Vec<Line>, Vec<EnvFileError>) {
    let mut parser = Parser { text, at: 0 };
    // A byte order mark is no part of the first name.
    parser.eat("\u{feff}");
    let mut lines = Vec::new();
    let mut errors = Vec::new();
    loop {
        parser.skip(char::is_whitespace);
        match parser.peek() {
            None => return (lines, errors),
            Some('#') => parser.skip(|c| c != '\n'),
            Some(_) => match parser.line() {
                Ok(line) => lines.push(line),
                Err(error) => {
                    errors.push(error);
                    parser.skip(|c| c != '\n');
                }
            },
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

fn blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn skip(&mut self, what: impl Fn(char) -> bool) {
        self.at += self.rest().find(|c| !what(c)).unwrap_or(self.rest().len());
    }

    fn wrong(range: Range<usize>, message: impl Into<String>) -> EnvFileError {
        EnvFileError {
            range,
            message: message.into(),
            hint: None,
        }
    }

    fn line(&mut self) -> Result<Line, EnvFileError> {
        let after = self.rest().strip_prefix("export");
        if after.is_some_and(|after| after.starts_with(blank)) {
            self.at += "export".len();
            self.skip(blank);
        }
        let start = self.at;
        if matches!(self.peek(), Some('A'..='Z' | 'a'..='z' | '_')) {
            self.skip(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
        }
        let at = start..self.at;
        let name = self.text[at.clone()].to_owned();
        self.skip(blank);
        if name.is_empty() || !self.rest().starts_with('=') {
            let end = self
                .rest()
                .find('\n')
                .map_or(self.text.len(), |end| self.at + end);
            let line = self.text[start..end].trim_end();
            let mut wrong = Self::wrong(start..start + line.len(), "this line sets no variable");
            wrong.hint = Some("a line is `NAME=value`, a comment begins with `#`");
            return Err(wrong);
        }
        self.at += 1;
        self.skip(blank);
        let start = self.at;
        let (text, quotes) = match self.peek() {
            Some('\'') => (self.single()?, Quotes::Single),
            Some('"') => (self.double()?, Quotes::Double),
            _ => (self.bare(), Quotes::None),
        };
        let value = start..self.at;
        if quotes != Quotes::None {
            self.skip(blank);
            if !matches!(self.peek(), None | Some('#' | '\n' | '\r')) {
                let start = self.at;
                self.skip(|c| c != '\n');
                let message = "text follows the closing quote";
                return Err(Self::wrong(start..self.at, message));
            }
        }
        // The comment, if there is one.
        self.skip(|c| c != '\n');
        Ok(Line {
            name,
            at,
            value,
            text,
            quotes,
        })
    }

    fn bare(&mut self) -> String {
        let rest = self.rest();
        let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
        let comment = line
            .match_indices('#')
            .find(|(at, _)| *at == 0 || line[..*at].ends_with(blank));
        let value = line[..comment.map_or(line.len(), |(at, _)| at)].trim_end();
        self.at += value.len();
        value.to_owned()
    }

    fn single(&mut self) -> Result<String, EnvFileError> {
        let start = self.at;
        let inner = &self.text[start + 1..];
        let end = inner
            .find('\'')
            .ok_or_else(|| Self::wrong(start..start + 1, "this quote is not closed"))?;
        self.at = start + 1 + end + 1;
        Ok(inner[..end].to_owned())
    }

    fn double(&mut self) -> Result<String, EnvFileError> {
        let start = self.at;
        let mut out = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.at = start + at + 1;
                    return Ok(out);
                }
                '\\' => match chars.next().map(|(_, c)| c) {
                    Some('n') => out.push('\n'),
                    Some('r') => out.push('\r'),
                    Some('t') => out.push('\t'),
                    Some('$') => out.push_str("$$"),
                    Some(c @ ('"' | '\\')) => out.push(c),
                    // A line that goes on below.
                    Some('\n') => {}
                    // Not an escape of ours: a path of Windows, a regular expression.
                    Some(c) => out.extend(['\\', c]),
                    None => break,
                },
                c => out.push(c),
            }
        }
        Err(Self::wrong(start..start + 1, "this quote is not closed"))
    }
}
