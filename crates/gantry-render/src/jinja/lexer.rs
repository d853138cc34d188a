//! From text to tokens, with Jinja2's rules of blanks.

use super::token::{Kind, Token};
use super::{Problem, ProblemKind};

mod literal;

/// The longest first.
const OPERATORS: [&str; 28] = [
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}",
    ">", "<", "=", ".", ":", "|", ",", ";", "!", "@",
];

/// What Python calls a blank.
pub(super) fn is_blank(letter: char) -> bool {
    letter.is_whitespace() || ('\x1c'..='\x1f').contains(&letter)
}

/// Cuts a template into its pieces.
pub(super) fn tokens(source: &str) -> Result<Vec<Token>, Problem> {
    let mut lexer = Lexer {
        source,
        at: 0,
        tokens: Vec::new(),
    };
    lexer.run()?;
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
    tokens: Vec<Token>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    fn wrong(&self, start: usize, message: impl Into<String>) -> Problem {
        let end = self.source[start..]
            .chars()
            .next()
            .map_or(start, |letter| start + letter.len_utf8());
        Problem::new(
            start..end.max(self.at.min(self.source.len())),
            ProblemKind::Syntax,
            message,
        )
    }

    fn push(&mut self, kind: Kind, start: usize) {
        let range = start..self.at;
        self.tokens.push(Token { kind, range });
    }

    fn run(&mut self) -> Result<(), Problem> {
        while !self.rest().is_empty() {
            let rest = self.rest();
            let next = |at: usize| rest.as_bytes().get(at + 1);
            let found = rest
                .match_indices('{')
                .find(|(at, _)| matches!(next(*at), Some(b'%' | b'#' | b'{')));
            let Some((length, _)) = found else {
                self.data(rest.len(), false);
                return Ok(());
            };
            let mark = &rest[length..length + 2];
            let begin = self.at + length;
            let after = &self.source[begin + 2..];
            let strips = after.starts_with('-');
            self.data(length, strips);
            self.at = begin + 2 + usize::from(after.starts_with(['-', '+']));
            match mark {
                "{#" => self.comment(begin)?,
                "{%" => {
                    if !self.raw(begin)? {
                        self.push(Kind::BlockBegin, begin);
                        self.code(begin, "%}", Kind::BlockEnd)?;
                    }
                }
                _ => {
                    self.push(Kind::VariableBegin, begin);
                    self.code(begin, "}}", Kind::VariableEnd)?;
                }
            }
        }
        Ok(())
    }

    /// Takes text of this length.
    fn data(&mut self, length: usize, strips: bool) {
        let start = self.at;
        let text = &self.rest()[..length];
        self.at += length;
        let text = if strips {
            text.trim_end_matches(is_blank)
        } else {
            text
        };
        if !text.is_empty() {
            self.push(Kind::Data(text.to_owned()), start);
        }
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(is_blank).len();
    }

    /// Takes the end of a tag, if it is there: `%}`, `-%}` with the blanks behind it, `+%}`.
    fn end(&mut self, mark: &str) -> bool {
        let rest = self.rest();
        if rest.starts_with(mark) {
            self.at += mark.len();
        } else if rest
            .strip_prefix('-')
            .is_some_and(|rest| rest.starts_with(mark))
        {
            self.at += 1 + mark.len();
            self.skip_blanks();
        } else if mark != "}}"
            && rest
                .strip_prefix('+')
                .is_some_and(|rest| rest.starts_with(mark))
        {
            self.at += 1 + mark.len();
        } else {
            return false;
        }
        true
    }

    fn comment(&mut self, begin: usize) -> Result<(), Problem> {
        let Some(length) = self.rest().find("#}") else {
            return Err(self.wrong(begin, "this comment is not closed"));
        };
        let text = &self.rest()[..length];
        self.at += length;
        // The sign belongs to the end, if there is a sign.
        if text.ends_with(['-', '+']) {
            self.at -= 1;
        }
        self.end("#}");
        Ok(())
    }

    /// Takes a whole `{% raw %}` block, if there is one; `self.at` is behind `{%` and its sign.
    fn raw(&mut self, begin: usize) -> Result<bool, Problem> {
        let start = self.at;
        self.skip_blanks();
        let opens = self.rest().starts_with("raw");
        if opens {
            self.at += 3;
            self.skip_blanks();
        }
        // `{% raw +%}` is none to Jinja2.
        if !opens || self.rest().starts_with('+') || !self.end("%}") {
            self.at = start;
            return Ok(false);
        }
        let text_begin = self.at;
        let mut from = text_begin;
        loop {
            let Some(at) = self.source[from..].find("{%") else {
                return Err(self.wrong(begin, "this `{% raw %}` has no `{% endraw %}`"));
            };
            let mark = from + at;
            self.at = mark + 2;
            let strips = self.rest().starts_with('-');
            self.at += usize::from(self.rest().starts_with(['-', '+']));
            self.skip_blanks();
            if self.rest().starts_with("endraw") {
                self.at += 6;
                self.skip_blanks();
                if self.end("%}") {
                    let text = &self.source[text_begin..mark];
                    let text = if strips {
                        text.trim_end_matches(is_blank)
                    } else {
                        text
                    };
                    if !text.is_empty() {
                        let kind = Kind::Data(text.to_owned());
                        let range = text_begin..text_begin + text.len();
                        self.tokens.push(Token { kind, range });
                    }
                    return Ok(true);
                }
            }
            from = mark + 2;
        }
    }

    /// The tokens inside `{{ }}` or `{% %}`. An end inside brackets is none.
    fn code(&mut self, begin: usize, mark: &str, end: Kind) -> Result<(), Problem> {
        let mut open: Vec<&str> = Vec::new();
        loop {
            let start = self.at;
            if open.is_empty() && self.end(mark) {
                self.push(end, start);
                return Ok(());
            }
            self.skip_blanks();
            if self.at > start {
                continue;
            }
            let Some(letter) = self.rest().chars().next() else {
                let tag = &self.source[begin..begin + 2];
                return Err(self.wrong(begin, format!("this `{tag}` is not closed")));
            };
            match letter {
                '0'..='9' => self.number()?,
                '\'' | '"' => self.text(letter)?,
                'a'..='z' | 'A'..='Z' | '_' => self.name(),
                _ => {
                    let operator = OPERATORS
                        .into_iter()
                        .find(|operator| self.rest().starts_with(operator));
                    let Some(operator) = operator.filter(|one| !matches!(*one, "!" | "@")) else {
                        let message = format!("`{letter}` means nothing in a template");
                        let mut wrong = self.wrong(start, message);
                        if letter.is_alphanumeric() {
                            wrong.kind = ProblemKind::Unsupported;
                        }
                        return Err(wrong);
                    };
                    match operator {
                        "(" => open.push(")"),
                        "[" => open.push("]"),
                        "{" => open.push("}"),
                        ")" | "]" | "}" if open.pop() != Some(operator) => {
                            return Err(self.wrong(start, format!("`{operator}` closes nothing")));
                        }
                        _ => {}
                    }
                    self.at += operator.len();
                    self.push(Kind::Operator(operator), start);
                }
            }
        }
    }

    fn name(&mut self) {
        let start = self.at;
        let rest = self.rest();
        let word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let length = rest.find(|letter| !word(letter)).unwrap_or(rest.len());
        self.at += length;
        self.push(Kind::Name(rest[..length].to_owned()), start);
    }
}
