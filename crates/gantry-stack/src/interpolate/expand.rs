//! The grammar of `${…}`: parsed first, so that what is not used is not evaluated.

use std::ops::Range;

use super::Variables;

/// How deep defaults may nest.
const DEPTH: usize = 32;

/// A text with its variables put in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expanded {
    /// The text.
    pub text: String,
    /// The byte ranges of it that are values of variables.
    pub ranges: Vec<Range<u32>>,
    /// Whether the text was one substitution and nothing else.
    pub whole: bool,
}

/// What is wrong at a place of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The substitution, in bytes of the text.
    pub range: Range<usize>,
    /// What is wrong with it.
    pub kind: ProblemKind,
}

/// What can be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// A variable without a default is not set.
    Unset {
        /// The variable.
        name: String,
    },
    /// `${NAME:?message}` of a variable that is not there.
    Required {
        /// The variable.
        name: String,
        /// The user's message.
        message: String,
    },
    /// It does not follow the grammar.
    Syntax {
        /// In which way.
        message: String,
    },
}

/// Puts variables into a text, or says all that is wrong with it.
pub fn expand(text: &str, variables: &Variables) -> Result<Expanded, Vec<Problem>> {
    let mut parser = Parser {
        text,
        at: 0,
        problems: Vec::new(),
    };
    let segments = parser.segments(0);
    if !parser.problems.is_empty() {
        return Err(parser.problems);
    }
    let mut evaluation = Evaluation {
        variables,
        out: Expanded {
            whole: matches!(segments.as_slice(), [Segment::Variable { .. }]),
            ..Expanded::default()
        },
        problems: Vec::new(),
    };
    evaluation.all(&segments);
    if evaluation.problems.is_empty() {
        Ok(evaluation.out)
    } else {
        Err(evaluation.problems)
    }
}

enum Segment<'a> {
    Text(&'a str),
    Variable {
        name: &'a str,
        range: Range<usize>,
        then: Option<Then<'a>>,
    },
}

struct Then<'a> {
    operator: Operator,
    /// With `:`, an empty variable counts as unset.
    empty_too: bool,
    argument: Vec<Segment<'a>>,
}

#[derive(Clone, Copy)]
enum Operator {
    Default,
    Require,
    Alternative,
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    problems: Vec<Problem>,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn wrong(&mut self, range: Range<usize>, message: impl Into<String>) {
        let message = message.into();
        let kind = ProblemKind::Syntax { message };
        self.problems.push(Problem { range, kind });
    }

    /// Up to the end, or inside braces up to the `}` that closes them, which stays.
    fn segments(&mut self, depth: usize) -> Vec<Segment<'a>> {
        let mut segments = Vec::new();
        loop {
            let rest = self.rest();
            let stops: &[char] = if depth > 0 { &['$', '}'] } else { &['$'] };
            let end = rest.find(stops).unwrap_or(rest.len());
            if end > 0 {
                segments.push(Segment::Text(&rest[..end]));
                self.at += end;
            }
            let start = self.at;
            let after = match self.rest().as_bytes() {
                [b'$', after @ ..] => after.first(),
                _ => return segments,
            };
            self.at += 1;
            match after {
                Some(b'$') => {
                    segments.push(Segment::Text(&self.text[start..=start]));
                    self.at += 1;
                }
                Some(b'{') => {
                    self.at += 1;
                    segments.extend(self.braced(start, depth));
                }
                _ => {
                    let name = self.name();
                    if name.is_empty() {
                        self.wrong(start..self.at, "a `$` that is followed by no name");
                    } else {
                        let range = start..self.at;
                        let then = None;
                        segments.push(Segment::Variable { name, range, then });
                    }
                }
            }
        }
    }

    fn name(&mut self) -> &'a str {
        let rest = self.rest();
        let end = match rest.as_bytes().first() {
            Some(b'_' | b'a'..=b'z' | b'A'..=b'Z') => rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .unwrap_or(rest.len()),
            _ => 0,
        };
        self.at += end;
        &rest[..end]
    }

    fn braced(&mut self, start: usize, depth: usize) -> Option<Segment<'a>> {
        if depth >= DEPTH {
            self.at = self.text.len();
            self.wrong(
                start..start + 2,
                format!("`${{` nested more than {DEPTH} deep"),
            );
            return None;
        }
        let name = self.name();
        let operator = self.operator();
        let then = operator.map(|(operator, empty_too)| Then {
            operator,
            empty_too,
            argument: self.segments(depth + 1),
        });
        if self.rest().starts_with('}') && !name.is_empty() {
            self.at += 1;
            let range = start..self.at;
            return Some(Segment::Variable { name, range, then });
        }
        let Some(end) = self.rest().find('}') else {
            self.at = self.text.len();
            self.wrong(start..start + 2, "this `${` is not closed");
            return None;
        };
        let odd = self.rest().chars().next().unwrap_or('}');
        self.at += end + 1;
        let range = start..self.at;
        if name.is_empty() {
            self.wrong(
                range,
                format!("`{}` has no name", &self.text[start..self.at]),
            );
        } else {
            let message = format!("`{odd}` cannot follow the name `{name}` in `${{…}}`");
            self.wrong(range, message);
        }
        None
    }

    fn operator(&mut self) -> Option<(Operator, bool)> {
        let bytes = self.rest().as_bytes();
        let empty_too = bytes.first() == Some(&b':');
        let operator = match bytes.get(usize::from(empty_too))? {
            b'-' => Operator::Default,
            b'?' => Operator::Require,
            b'+' => Operator::Alternative,
            _ => return None,
        };
        self.at += 1 + usize::from(empty_too);
        Some((operator, empty_too))
    }
}

struct Evaluation<'a> {
    variables: &'a Variables,
    out: Expanded,
    problems: Vec<Problem>,
}

impl Evaluation<'_> {
    fn all(&mut self, segments: &[Segment<'_>]) {
        for segment in segments {
            match segment {
                Segment::Text(text) => self.out.text.push_str(text),
                Segment::Variable { name, range, then } => {
                    self.variable(name, range.clone(), then.as_ref());
                }
            }
        }
    }

    fn variable(&mut self, name: &str, range: Range<usize>, then: Option<&Then<'_>>) {
        let value = self.variables.get(name);
        let Some(then) = then else {
            if let Some(value) = value {
                self.put(value);
            } else {
                let name = name.to_owned();
                let kind = ProblemKind::Unset { name };
                self.problems.push(Problem { range, kind });
            }
            return;
        };
        let there = value.filter(|value| !(then.empty_too && value.is_empty()));
        match (then.operator, there) {
            (Operator::Alternative, Some(_)) | (Operator::Default, None) => {
                self.all(&then.argument);
            }
            (Operator::Alternative, None) => {}
            (Operator::Default | Operator::Require, Some(value)) => self.put(value),
            (Operator::Require, None) => {
                let before = self.out.text.len();
                self.all(&then.argument);
                let message = self.out.text.split_off(before);
                let name = name.to_owned();
                let kind = ProblemKind::Required { name, message };
                self.problems.push(Problem { range, kind });
            }
        }
    }

    fn put(&mut self, value: &str) {
        let start = self.out.text.len();
        self.out.text.push_str(value);
        let offset = |at| u32::try_from(at).unwrap_or(u32::MAX);
        let range = offset(start)..offset(self.out.text.len());
        if !range.is_empty() {
            self.out.ranges.push(range);
        }
    }
}

/// The names of all variables that a text asks for, in any dialect; too many rather than too few.
pub fn asked(text: &str) -> impl Iterator<Item = &str> {
    text.split('$').skip(1).filter_map(|rest| {
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        let end = rest.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
        let name = &rest[..end.unwrap_or(rest.len())];
        (!name.is_empty() && !name.starts_with(|letter: char| letter.is_ascii_digit()))
            .then_some(name)
    })
}
